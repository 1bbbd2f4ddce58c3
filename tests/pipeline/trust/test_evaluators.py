"""The evaluator of `pipeline trust` against the one of the laptop's AWS: other code, by others, the same verdicts."""

import json
import subprocess
from collections import Counter
from pathlib import Path
from unittest import mock

import pytest

from pipeline.base.run import CHECKOUT
from pipeline.iam import operators
from pipeline.iam.trust_policy import allows
from tests.pipeline.trust.generated import _KINDS, Case, cases

pytestmark = pytest.mark.slow
COUNT = 6000
PYTHON = CHECKOUT / ".tools/sandbox/bin/python"


@pytest.fixture(scope="module")
def generated() -> list[tuple[Case, bool]]:
    """Each case with the emulator's verdict."""
    made = list(cases(1, COUNT))
    done = subprocess.run(
        [PYTHON, "-P", Path(__file__).with_name("emulator_verdicts.py")],
        input=json.dumps([one.as_json() for one in made]),
        capture_output=True,
        text=True,
        check=True,
    )
    return list(zip(made, json.loads(done.stdout), strict=True))


def differing(generated: list[tuple[Case, bool]]) -> list[str]:
    """The cases that the two judge in different ways."""
    return [
        f"{json.dumps(one.policy)} of {dict(one.request.context)}: the emulator says {verdict}"
        for one, verdict in generated
        if allows(one.policy, one.request) != verdict
    ]


def test_both_say_the_same(generated: list[tuple[Case, bool]]) -> None:
    """Of thousands of policies, a fair share of which lets the request in."""
    verdicts = Counter(verdict for _, verdict in generated)

    assert [] == differing(generated)[:3]
    assert min(verdicts[True], verdicts[False]) > COUNT / 10


def test_every_operator_is_among_them(generated: list[tuple[Case, bool]]) -> None:
    """Each that IAM knows, bare, with IfExists and with both set operators."""
    text = json.dumps([one.policy for one, _ in generated]).lower()
    kinds = [f'"{name}"' for name in _KINDS] + [f'"{name}ifexists"' for name in _KINDS]
    kinds += [f'"{each}:{name}"' for name in _KINDS for each in ("forallvalues", "foranyvalue")]

    assert [] == [kind for kind in [*kinds, '"null"'] if kind not in text]


@pytest.mark.parametrize("operator", [name for name in operators._AFFIRMATIVE if name != "arnequals"])
def test_an_operator_that_looks_away_is_found(generated: list[tuple[Case, bool]], operator: str) -> None:
    """Sabotage: each operator in turn holds always; the comparison tells of it."""
    with mock.patch.dict(operators._AFFIRMATIVE, {operator: lambda _value, _expected: True}):
        assert differing(generated)
