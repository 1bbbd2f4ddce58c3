"""Lists that the documents show: whole, and with nothing that isn't on them."""

import re
import tomllib

import pytest

from benchmarks import peers
from pipeline.base.run import CHECKOUT
from pipeline.commands.rules import page as page_of_rules
from pipeline.source.settings import NUMBERS, Settings
from tests import documented
from tests.app.test_without_ledger import LEDGER
from tests.rules import RULES

__test__ = documented.ENGINES_OWN
_LIMITS = tomllib.loads((CHECKOUT / "sandbox/limits.toml").read_text(encoding="utf-8"))


def test_what_is_not_as_on_aws() -> None:
    """docs/sandbox.md ends with the list, and with nothing that isn't on it."""
    document = (CHECKOUT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    shown = document.partition("## What is not as on AWS\n")[2].splitlines()

    rows = [f"| {limit['what']} | {limit['aws']} | {limit['here']} |" for limit in _LIMITS["limit"]]
    assert rows == [line for line in shown if line.startswith("| ") and not line.startswith("| what |")]
    types = [f"- `{kind}`" for kind in _LIMITS["refused_types"]]
    assert types == [line for line in shown if line.startswith("- ")]


def test_what_is_not_as_on_github() -> None:
    """docs/sandbox.md has a row for each, and none for anything else."""
    document = (CHECKOUT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    section = document.partition("### What is not as on GitHub\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and "| what |" not in line]

    assert rows
    assert [f"| {one['what']} | {one['github']} | {one['here']} |" for one in _LIMITS["github"]] == rows


def test_every_setting_with_its_bounds() -> None:
    """docs/settings.md says of each number what the reader holds it to, and names each list and table."""
    page = (CHECKOUT / "docs/settings.md").read_text(encoding="utf-8")
    rows = {
        (name, int(default), int(least), int(most), way == "higher")
        for name, default, least, most, way in re.findall(
            r"^\| `([\w.]+)`: .* \| (\d+) \| (\d+) to (\d+) \| (lower|higher) \|$", page, re.MULTILINE
        )
    }

    assert {(name, one.default, one.least, one.most, one.more) for name, one in NUMBERS.items()} == rows
    assert [] == [
        one.name
        for one in Settings(None).rows()
        if f"`{one.name}`" not in page and f"[{one.name}]" not in page
    ]


def test_every_rule() -> None:
    """docs/rules.md is what the rule folders say; where it isn't: `make docs`."""
    expected = page_of_rules(RULES)

    assert expected == (CHECKOUT / "docs/rules.md").read_text(encoding="utf-8")


def test_the_docs_name_what_goes_with_it() -> None:
    """The command in docs/your-application.md is the one that is tried here."""
    said = (CHECKOUT / "docs/your-application.md").read_text(encoding="utf-8")

    assert f"git rm -r {' '.join(LEDGER)}\n" in said


def test_the_docs_name_what_lets_it_stay() -> None:
    """The blueprints beside another application are those that tests/application/ledger/test_beside_another.py asks."""
    said = (CHECKOUT / "docs/your-application.md").read_text(encoding="utf-8")
    tried = (CHECKOUT / LEDGER[1] / "test_beside_another.py").read_text(encoding="utf-8")
    named = re.search(r"`beside\(shop, platform, (\(.*?\))\)`", said)

    assert named is not None
    assert f"BLUEPRINTS = {named[1]}\n" in tried


@pytest.mark.parametrize("title", peers.DIFFERENCES)
def test_every_kind_of_difference(title: str) -> None:
    """A row of docs/benchmarks.md says how many tests it is, who is right, and why."""
    page = (CHECKOUT / "docs/benchmarks.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith(f"| {title} |")]

    assert [str(len(peers.DIFFERENCES[title]))] == [row[1] for row in rows]
