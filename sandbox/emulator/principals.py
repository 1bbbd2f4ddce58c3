"""Who acts in the emulator: the caller of a request, a role as which a service works, or a service for itself."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import PrincipalInfo
from ministack.core.responses import get_account_id
from ministack.core.router import extract_access_key_id
from ministack.services import iam

_access_key: ContextVar[str] = ContextVar("access_key", default="")
_worker: ContextVar[PrincipalInfo | None] = ContextVar("worker", default=None)


@dataclass(frozen=True)
class Service:
    """A service that acts for itself, by its principal's name; `keys` are the condition keys that it brings along."""

    name: str
    keys: Mapping[str, str] = field(default_factory=dict)


def callers() -> None:
    """Keeps the key that each request was signed with, for what is asked of its caller on the way."""
    pin = iam_evaluator.pin_request_caller

    def pinned(headers: dict[str, str], query: dict[str, Any] | None = None) -> None:
        _access_key.set(extract_access_key_id(headers, query or {}) or "")
        pin(headers, query)

    iam_evaluator.pin_request_caller = pinned


def access_key() -> str:
    """The key that this request was signed with."""
    return _access_key.get()


def acting() -> PrincipalInfo:
    """The role as which a service works for somebody, else the caller of this request."""
    worker = _worker.get()
    if worker is not None:
        return worker
    found = iam_evaluator.resolve_principal(access_key(), get_account_id())
    if isinstance(found, PrincipalInfo):
        return found
    return PrincipalInfo(arn="", type="", account=get_account_id(), policies=[])  # its key is gone meanwhile


def work_as(role: str) -> None:
    """From here on, in this request and in what it sets going, CloudFormation is the role; without one the caller."""
    _worker.set(session(role, "AWSCloudFormation") if role else acting())


@contextmanager
def working_as(role: str, name: str) -> Iterator[None]:
    """Another service is a session of the role, for as long as the context lasts."""
    before = _worker.set(session(role, name))
    try:
        yield
    finally:
        _worker.reset(before)


def session(role: str, name: str) -> PrincipalInfo:
    """A session of a role, by its ARN, as a service takes one."""
    own = role.rpartition("/")[2]
    return PrincipalInfo(
        arn=f"arn:aws:sts::{get_account_id()}:assumed-role/{own}/{name}",
        type="AssumedRole",
        account=get_account_id(),
        policies=iam_evaluator._gather_role_policies(own, get_account_id()),
        keys={},
        limits=iam_evaluator._permissions_boundary(iam._roles, own, get_account_id()),
    )


MENDS = (callers,)
