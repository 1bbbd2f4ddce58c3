"""The engine and its rules name nothing of an application: what samconfig.toml and template.yaml say is read there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT
from pipeline.source import samconfig
from pipeline.source.environments import LAPTOP_ACCOUNT
from pipeline.source.located import read
from tests import documented

# Of a team's application the names may be any words, and those of its template too: held where the engine is made.
__test__ = documented.ENGINES_OWN
# Test data for whoever writes a rule; no command and no rule reads it.
_DATA = {"pipeline/gate/fixtures.py"}
# What the product itself is called, which happens to be this application's name too.
_PRODUCT = (
    *("audience=esclusa-passport", "https://github.com/esclusa/oscal"),
    *("esclusa-data-", "esclusa-ledger-", "esclusa-postgresql-"),  # folders on this machine
)
# Logical ids and outputs here that are words of SAM, of CloudFormation or of the rules' own English.
_WORDS = {"Api", "DeadLetterQueue", "Migration"}
_AWS_OWN = "us-east-1"  # where AWS keeps what it has once, so that the engine names it too
SOURCES = {
    path.relative_to(CHECKOUT).as_posix(): path.read_text(encoding="utf-8")
    for pattern in ("pipeline/**/*.py", "policies/*/*/rule.py", "sandbox/**/*.py", "benchmarks/**/*.py")
    for path in sorted(CHECKOUT.glob(pattern))
}


def names() -> Iterator[str]:
    """Patterns of all that is this application's: names, accounts, regions, owners, logical ids, outputs."""
    environments = samconfig.read_all(CHECKOUT).values()
    for one in environments:
        application = re.escape(one.application.name)
        yield rf"\b{application}[-_]|/{application}/"
        yield rf"\b{re.escape(one.application.repository.partition('/')[0])}\b"
        if one.region != _AWS_OWN:
            yield rf"\b{re.escape(one.region)}\b"
        if one.account != LAPTOP_ACCOUNT:
            yield rf"\b{one.account}\b"
    template = read(CHECKOUT / "template.yaml", "template.yaml").data
    # A parameter's name may be an output's too: prod_not_weaker compares parameters by their names.
    ids = {*template["Resources"], *template["Outputs"]} - template["Parameters"].keys() - _WORDS
    yield from (rf"\b{name}\b" for name in ids)


PATTERN = re.compile("|".join(sorted(set(names()))))


def told(text: str) -> list[tuple[int, str]]:
    """The lines of a source that name something."""
    for word in _PRODUCT:
        text = text.replace(word, "")
    rows = enumerate(text.splitlines(), 1)
    return [(number, found[0]) for number, row in rows for found in PATTERN.finditer(row)]


@pytest.mark.parametrize("file", sorted(SOURCES.keys() - _DATA))
def test_nothing_of_an_application_is_named(file: str) -> None:
    """Neither in code nor in comments: a reader would look for it in vain in another application."""
    assert [] == told(SOURCES[file])


_PROD = samconfig.read(CHECKOUT, "prod")


@pytest.mark.parametrize(
    "text",
    [
        'function = live.resource("AppFunction")',
        f'bucket = f"{_PROD.application.name}-{{environment}}-evidence"',
        f'name = f"/{_PROD.application.name}/{{environment}}/promotion-key"',
        '"ApiUrl"',
        *([f'"AWS_DEFAULT_REGION": "{_PROD.region}"'] if _PROD.region != _AWS_OWN else []),
        f"account = '{_PROD.account}'",
        f"# of @{_PROD.application.repository.partition('/')[0]}/security",
        '("MigrateFunction", "-migrate")',
    ],
)
def test_the_search_sees(text: str) -> None:
    """What stood in the engine once is found by it."""
    assert told(f"x = 1\n{text}\n")


def test_every_tree_is_searched() -> None:
    """None of them has been moved from where this looks."""
    assert {"benchmarks", "pipeline", "policies", "sandbox"} == {name.partition("/")[0] for name in SOURCES}
    assert {name for name in _DATA if Path(CHECKOUT, name).is_file()} == _DATA
