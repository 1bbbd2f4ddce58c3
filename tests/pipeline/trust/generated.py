"""Trust policies and requests made by chance, of values close enough to each other that many match."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.iam.operators import _AFFIRMATIVE, _NEGATED
from pipeline.iam.trust_policy import ASSUME, PROVIDER, Request

ARN = f"arn:aws:iam::111111111111:oidc-provider/{PROVIDER}"
# Of each kind of operator, values of a request and of a policy.
_SUBJECTS = (
    "repo:acme/app:environment:dev",
    "repo:acme@1/app@2:environment:dev",
    "repo:acme/app:ref:refs/tags/v1",
)
_VALUES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "string": (
        (*_SUBJECTS, "REPO:acme/app:environment:dev", ""),
        (*_SUBJECTS, "repo:acme/*", "repo:acme/app:environment:de?", "*:environment:dev", "*", "?", "repo:[a]*", ""),
    ),
    "numeric": (("1", "1.0", "2", "-3"), ("1", "2", "10", "-3.0")),
    "date": (
        ("2026-01-01T00:00:00Z", "2026-06-01T12:00:00+02:00", "1767225600"),
        ("2026-01-01T00:00:00Z", "2026-06-01T10:00:00Z", "1800000000"),
    ),
    "bool": (("true", "false"), ("true", "False")),
    "binary": (("QmFzZTY0", "qmFzZTY0"), ("QmFzZTY0",)),
    "ip": (("192.0.2.7", "2001:db8::1"), ("192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "198.51.100.0/24")),
    "arn": (
        ("arn:aws:iam::111111111111:role/a", "arn:aws:iam::222222222222:role/x/a"),
        ("arn:aws:iam::111111111111:role/a", "arn:aws:iam::*:role/*", "arn:*:iam::1111111111??:role/?", "*"),
    ),
}  # fmt: skip
_KINDS = {name: kind for name in (*_AFFIRMATIVE, *_NEGATED) for kind in _VALUES if kind in name[:8]}


@dataclass(frozen=True)
class Case:
    """A policy and a request that it is asked about."""

    policy: dict[str, Any]
    request: Request

    def as_json(self) -> list[Any]:
        """For the emulator: a key of one value has it bare, a key of several has a list."""
        context = {
            key: values[0] if len(values) == 1 else list(values)
            for key, values in self.request.context.items()
        }
        return [self.policy, self.request.provider, context]  # fmt: skip


def cases(seed: int, count: int) -> Iterator[Case]:
    """So many cases; the same seed gives the same ones."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(count):
        keys = {f"key{number}": chance.choice(sorted(_KINDS)) for number in range(3)}
        context: dict[str, tuple[str, ...]] = {}
        several = {key: chance.random() < 0.3 for key in keys}
        for key, operator in keys.items():
            known = _VALUES[_KINDS[operator]][0]
            if chance.random() < 0.8:
                size = chance.randint(2, 3) if several[key] else 1
                context[f"{PROVIDER}:{key}"] = tuple(chance.choices(known, k=size))
        statements = [_statement(chance, keys, several) for _ in range(chance.randint(1, 3))]
        single = len(statements) == 1 and chance.random() < 0.5
        yield Case({"Statement": statements[0] if single else statements}, Request(ARN, context))


def _statement(chance: random.Random, keys: Mapping[str, str], several: Mapping[str, bool]) -> dict[str, Any]:
    effect = chance.choices(["Allow", "Deny"], [4, 1])[0]
    named = chance.choices(
        [ARN, "*", [ARN, "arn:aws:iam::111111111111:oidc-provider/other"], "arn:aws:iam::1:oidc-provider/x"],
        [6, 1, 2, 1],
    )[0]
    principal = "*" if named == "*" else {"Federated": named}
    if chance.random() < 0.1:
        principal = {"AWS": "111111111111"}
    names = [ASSUME, ASSUME.upper(), "sts:*", ["sts:TagSession", ASSUME], "sts:AssumeRole", "sts:Assume*"]
    action = chance.choices(names, [5, 1, 1, 1, 1, 1])[0]
    conditions: dict[str, dict[str, Any]] = {}
    for key in chance.sample(sorted(keys), chance.randint(0, 2)):
        conditions.setdefault(_operator(chance, keys[key], several[key]), {})[f"{PROVIDER}:{key}"] = (
            _expected(chance, keys[key])
        )
    for operator, wanted in conditions.items():
        if operator == "Null":
            conditions[operator] = {key: chance.choice(["true", "false"]) for key in wanted}
    return {
        "Effect": effect,
        "Principal": principal,
        chance.choices(["Action", "NotAction"], [9, 1])[0]: action,
        **({"Condition": conditions} if conditions else {}),
    }


def _operator(chance: random.Random, base: str, several: bool) -> str:
    if chance.random() < 0.1:
        return "Null"
    qualifier = chance.choice(["ForAllValues:", "ForAnyValue:"]) if several or chance.random() < 0.2 else ""
    name = f"{qualifier}{base}{'IfExists' if chance.random() < 0.3 else ''}"
    return name.upper() if chance.random() < 0.1 else name


def _expected(chance: random.Random, base: str) -> str | list[str]:
    known = _VALUES[_KINDS[base]][1]
    if chance.random() < 0.6:
        return chance.choice(known)
    return chance.sample(known, min(2, len(known)))
