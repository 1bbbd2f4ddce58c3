"""`pipeline ledger verify ENV`: the ledger's hash chain recomputed, stretch by stretch, by the ledger's API."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3

from pipeline.base import http
from pipeline.base.errors import ConfigurationError, GateError

PATH = "/api/verify"


@dataclass(frozen=True)
class Proof:
    """The head of the chain as it was: the number of its last link, and that link's hash (64 hex digits)."""

    sequence: int
    digest: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.digest}"


def proof(text: str) -> Proof:
    """Read a proof as `pipeline ledger verify` prints it. Raises ConfigurationError."""
    if re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text, re.ASCII) is None:
        raise ConfigurationError(
            f"{text!r} is no proof.",
            "Give what an earlier `pipeline ledger verify` printed, a number and 64 digits: 17:9f86d0...",
        )
    sequence, _, digest = text.partition(":")
    return Proof(int(sequence), digest)


def verify(session: boto3.Session, api: str, kept: Proof | None = None) -> Proof:
    """Verify the whole chain behind the API's address; return its head, to be kept elsewhere.

    Raises GateError with the first link that is broken; or when `kept`, an earlier head, isn't in the chain.
    """
    head = Proof(0, "0" * 64)
    for stretch in _stretches(session, api):
        broken = stretch["broken"]
        if broken is not None:
            raise GateError(
                f"The ledger's chain is broken at link {broken['sequence']} ({broken['kind']}): {broken['reason']}.",
                f"Up to link {stretch['last']} it is whole. What it said before is in the database's backups, "
                "and in the passports of the evidence bucket.",
            )
        head = Proof(stretch["last"], stretch["head"])
    if kept is not None:
        found = _stretch(session, api, kept.sequence)
        if found["begin"] != kept.digest:
            raise GateError(
                f"The ledger's chain is not the one that it was at link {kept.sequence}: "
                f"its hash is {found['begin'] or 'gone'}, not {kept.digest}.",
                "Each link follows from the one before it, yet the records up to there are others or fewer.",
            )
    return head


def _stretches(session: boto3.Session, api: str) -> Iterator[dict[str, Any]]:
    after: int | None = 0
    while after is not None:
        found = _stretch(session, api, after)
        yield found
        after = found["next"]


def _stretch(session: boto3.Session, api: str, after: int) -> dict[str, Any]:
    answer = http.request("GET", f"{api.rstrip('/')}{PATH}?after={after}", session=session)
    if answer.status != 200 or not isinstance(answer.data, dict):
        raise GateError(
            f"The ledger did not verify its chain: {answer.status} {answer.text[:200]!r}",
            "Your role needs execute-api:Invoke on GET /api/verify of this API.",
        )
    return answer.data
