"""Verifying the ledger's chain through its API, stretch by stretch."""

from typing import Any

import boto3
import pytest

from pipeline.base import http
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.ledger import chain
from pipeline.ledger.chain import Proof

API = "https://abc.execute-api.eu-west-1.amazonaws.com/live"
ZERO, FIRST, LAST = "0" * 64, "1" * 64, "2" * 64


def a_stretch(**changes: Any) -> dict[str, Any]:
    """What the API answers for the whole of a short chain."""
    whole = {"valid": True, "after": 0, "begin": ZERO, "last": 7, "head": LAST, "next": None, "broken": None}
    return {**whole, **changes}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[int, http.Answer]:
    """What the API answers after each link."""
    given: dict[int, http.Answer] = {}

    def request(method: str, url: str, *, session: boto3.Session) -> http.Answer:
        place, _, after = url.partition("?after=")
        assert (method, place) == ("GET", f"{API}/api/verify")
        return given[int(after)]

    monkeypatch.setattr(http, "request", request)
    return given


def verify(kept: Proof | None = None) -> Proof:
    """Verify with made-up credentials."""
    return chain.verify(boto3.Session(region_name="eu-west-1"), API, kept)


def test_every_stretch_is_asked_for(answers: dict[int, http.Answer]) -> None:
    """Until there is none left; the last one's head is the chain's."""
    answers[0] = http.Answer(200, a_stretch(last=3, head=FIRST, next=3), "")
    answers[3] = http.Answer(200, a_stretch(after=3, begin=FIRST), "")

    assert Proof(7, LAST) == verify()


def test_the_first_broken_link_is_named(answers: dict[int, http.Answer]) -> None:
    """Number, kind and reason, and how far the chain is whole."""
    broken = {"sequence": 5, "kind": "deployment", "reason": "the deployment it stands for was changed"}
    answers[0] = http.Answer(200, a_stretch(last=4, valid=False, broken=broken), "")

    with pytest.raises(GateError, match=r"link 5 \(deployment\): the deployment .* changed[^$]*Up to link 4"):
        verify()


def test_a_proof_in_the_chain_is_found(answers: dict[int, http.Answer]) -> None:
    """The head of an earlier day is a link of the chain of today."""
    answers[0] = http.Answer(200, a_stretch(), "")
    answers[3] = http.Answer(200, a_stretch(after=3, begin=FIRST), "")

    assert Proof(7, LAST) == verify(Proof(3, FIRST))


@pytest.mark.parametrize(
    ("begin", "said"), [(LAST, f"its hash is {LAST}, not {FIRST}"), ("", "is gone, not")]
)
def test_a_proof_that_is_not_in_the_chain_is_told(
    answers: dict[int, http.Answer], begin: str, said: str
) -> None:
    """A chain that was written anew, or cut off, is whole in itself: only what was kept elsewhere tells."""
    answers[0] = http.Answer(200, a_stretch(), "")
    answers[3] = http.Answer(200, a_stretch(after=3, begin=begin), "")

    with pytest.raises(GateError, match=said):
        verify(Proof(3, FIRST))


@pytest.mark.parametrize(
    "answer", [http.Answer(403, {"message": "Forbidden"}, "Forbidden"), http.Answer(200, None, "?")]
)
def test_no_answer_is_no_verdict(answers: dict[int, http.Answer], answer: http.Answer) -> None:
    """Whoever may not ask is not told that all is well."""
    answers[0] = answer

    with pytest.raises(GateError, match="did not verify its chain"):
        verify()


@pytest.mark.parametrize("text", ["", "7", f"7:{LAST}0", f"-7:{LAST}", "7:" + "g" * 64, f"7:{LAST}\n"])
def test_a_proof_has_one_form(text: str) -> None:
    """Anything but a number and 64 digits is a mistake of whoever typed it."""
    with pytest.raises(ConfigurationError, match="is no proof"):
        chain.proof(text)


def test_a_proof_is_read_as_it_is_printed() -> None:
    """What one run prints the next one takes."""
    assert Proof(7, LAST) == chain.proof(str(Proof(7, LAST)))
