"""Seeded faults in the real files: each is told by its rule at its line, and harmless changes by none."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from pipeline.gate.engines import own
from pipeline.gate.rules import Rule
from pipeline.source.project import Project
from tests import judged
from tests.policies.seeds.forms import FORMS
from tests.policies.seeds.model import Harmless, Seed, only, read
from tests.rules import RULES

# A quarter of a second for each of hundreds of seeds.
pytestmark = [pytest.mark.slow, pytest.mark.proof]

ROOT = Path(__file__).parents[2]
FOLDERS = (
    ".github/",
    "app/",
    "rotation/",
    "bootstrap/",
    "bin/",
    "pipeline/",
    "policies/",
    "tests/policies/",
)
FILES = (
    "template.yaml",
    "samconfig.toml",
    "Makefile",
    "pyproject.toml",
    "uv.lock",
    ".python-version",
    ".gitignore",
    ".pre-commit-config.yaml",
    ".ci/run",
    "tests/conftest.py",
)
CLEAN = only(judged.repository(), FOLDERS, FILES)
_ALL, HARMLESS = read(Path(__file__).parent / "seeds")
SEEDS = [(group, seed) for group, seed in _ALL if not seed.tool]
OF_TOOLS = [seed for _, seed in _ALL if seed.tool]  # told by a tool, and by no rule of our own
CAUGHT: Counter[str] = Counter()


def _judge(files: Mapping[str, bytes], rules: Iterable[Rule] = RULES) -> set[tuple[str, str, int, str]]:
    project = Project(ROOT, files)
    findings = [*own.unreadable(project), *(found for rule in rules for found in own.apply(rule, project))]
    return {(one.rule, one.file, one.line, one.message) for one in findings}


@pytest.mark.parametrize(("group", "seed"), SEEDS, ids=lambda value: getattr(value, "name", value))
def test_seed_is_told_at_its_line(group: str, seed: Seed) -> None:
    """The fault is a finding of the expected rule, in the file and at the line where it was put."""
    files, line = seed.apply(CLEAN)
    names = seed.rules.split()
    found = {place[:3] for place in _judge(files, [rule for rule in RULES if rule.id in names])}

    assert {(name, seed.file, line) for name in names} & found, f"line {line} expected, found {sorted(found)}"
    CAUGHT[group] += 1


def test_clean_files_have_no_finding() -> None:
    """What the seeds are put into is clean: a finding is theirs."""
    assert set() == _judge(CLEAN)


@pytest.mark.parametrize("change", HARMLESS, ids=lambda one: one.name)
def test_harmless_change_alarms_nobody(change: Harmless) -> None:
    """A change of form that means the same, or a sound addition, gives no new finding."""
    assert set() == _judge(change.apply(CLEAN))


@pytest.mark.parametrize("name", FORMS)
def test_other_form_alarms_nobody(name: str) -> None:
    """The same templates written in another way give no finding."""
    assert set() == _judge(FORMS[name](CLEAN))


def test_share_of_seeds_caught(capsys: pytest.CaptureFixture[str]) -> None:
    """What is seeded is enough to mean something; the table says how many were caught, by group."""
    total = Counter(group for group, _ in SEEDS)
    with capsys.disabled():
        rows = [f"  {group:<10} {CAUGHT[group]:>3} / {count}" for group, count in sorted(total.items())]
        print("\nseeded faults caught (in this process)\n" + "\n".join(rows))
        print(
            f"  {'all':<10} {CAUGHT.total():>3} / {total.total()}, {len(HARMLESS) + len(FORMS)} harmless changes"
        )

    assert total.total() >= 150
    assert len(HARMLESS) + len(FORMS) >= 40
