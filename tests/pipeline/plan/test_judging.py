"""What a change lets in: its findings and waivers against its base's."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import CHECKOUT
from pipeline.gate import waivers
from pipeline.gate.findings import Finding
from pipeline.gate.verdict import EngineRun, Report
from pipeline.plan import judging
from pipeline.plan.model import Policy
from pipeline.source.project import Project
from pipeline.source.scripts import commands
from tests import judged
from tests.pipeline.bundles import Repository

pytestmark = pytest.mark.outside

DAY = dt.date(2026, 11, 30)
LATER = dt.date(2027, 1, 31)


def judge(folder: Path, names: Sequence[str]) -> Report:
    """Finds each word of the file `findings`, `WORD` open and `-WORD` waived; a file `broken` breaks an engine."""
    project = Project.load(folder)
    words = project.text("findings").split()
    broken = project.text("broken")
    return Report(
        commit=None,
        stages=(),
        findings=tuple(
            Finding(
                rule=word.strip("-"), title="t", severity="high", tool="pipeline", file="findings", line=number,
                fact="f", message=word, waiver="w" if word.startswith("-") else None,
            )
            for number, word in enumerate(words)
        ),
        environments=(),
        tools=(),
        unjudged=bool(broken),
        engines=(EngineRun("policy", "rules", (), 0.0, broken=broken),),
        day=DAY,
        project=project,
    )  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setattr(judging, "judge", judge)
    return Repository(tmp_path / "clone")


def between(repository: Repository, before: dict[str, str], after: dict[str, str]) -> Policy:
    old = repository.commit("before", {"README.md": "x", **before})
    new = repository.commit("after", {"README.md": "y", **after})
    return judging.between(repository.folder, old, new)


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ("a", "a b", ["b"]),
        ("b a", "a b", []),
        ("a", "-a", []),
        ("-a", "a", ["a"]),
        ("-a", "-a -b", ["b"]),
        ("a", "", []),
        ("", "a", ["a"]),
    ],
)
def test_only_what_the_base_did_not_have_is_new(
    repository: Repository, before: str, after: str, new: list[str]
) -> None:
    """Wherever it stands; one that was waived, and is open now, is new."""
    found = between(repository, {"findings": before}, {"findings": after})

    assert new == [one.rule for one in found.findings]


def waiver(rule: str, **changed: object) -> str:
    values: dict[str, object] = {
        "rule": rule, "resource": "Role", "fact": "f", "reason": "it has to be so, for now", "owner": "ada",
        "approver": "bob", "ticket": "ABC-1", "expires": LATER, **changed,
    }  # fmt: skip
    return waivers.written(values)


def test_waivers_that_are_new_longer_or_gone(repository: Repository) -> None:
    """One that only moved is not new, one with another day is; one that doesn't hold is none."""
    before = waiver("kept") + waiver("gone") + waiver("longer", expires=dt.date(2026, 12, 31))
    after = (
        waiver("longer")
        + waiver("new", environment="dev")
        + waiver("bad", expires=dt.date(2026, 1, 1))
        + waiver("kept")
    )
    found = between(repository, {waivers.FILE: before}, {waivers.FILE: after})

    assert ["longer", "new"] == [one.rule for one in found.waived]
    assert ["gone"] == [one.rule for one in found.ended]


def test_a_file_of_waivers_that_cannot_be_read_waives_nothing(repository: Repository) -> None:
    """That it can't be read is the gate's to say."""
    found = between(repository, {waivers.FILE: waiver("gone")}, {waivers.FILE: "[[waiver"})

    assert ((), ["gone"]) == (found.waived, [one.rule for one in found.ended])


def test_what_got_no_verdict_is_told(repository: Repository) -> None:
    """No finding is no all-clear then."""
    found = between(repository, {}, {"broken": "it raised"})

    assert ("rules: it raised",) == found.unjudged


def test_a_base_that_cannot_be_judged(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is found is shown, with the reason; a change that mends its base can be planned."""

    def only_the_change(folder: Path, names: Sequence[str]) -> Report:
        if (folder / "README.md").read_text() == "x":
            raise ConfigurationError("odd", "Mend it.")
        return judge(folder, names)

    monkeypatch.setattr(judging, "judge", only_the_change)
    found = between(repository, {"findings": "a"}, {"findings": "a"})

    assert ["a"] == [one.rule for one in found.findings]
    assert ("the base, so that all that was found is shown: odd",) == found.unjudged


def test_the_work_tree_is_no_part_of_it(repository: Repository) -> None:
    """A plan is of commits."""
    old = repository.commit("before", {"findings": "a"})
    new = repository.commit("after", {"findings": "a b"})
    (repository.folder / "findings").write_text("a b c")

    assert ["b"] == [one.rule for one in judging.between(repository.folder, old, new).findings]


def test_texts_are_fit_for_a_line(repository: Repository) -> None:
    """What nobody sees shows as its code point, as in the gate's reports."""
    found = between(repository, {}, {"findings": "a\u202eb"})

    assert ["a\\u202eb"] == [one.message for one in found.findings]


def test_its_job_has_the_tools_that_judge() -> None:
    """Without them a plan would say each time that nothing was judged; a laptop lends a job more than it installs."""
    made = [
        step.body["with"]["for"]
        for workflow in judged.repository().workflows
        for job in workflow.jobs
        if any(one.pipeline == "plan" for step in job.steps for one in commands(step.run))
        for step in job.steps
        if step.uses == "./.github/actions/setup"
    ]

    assert ["check"] == made


@pytest.mark.slow
def test_the_gate_itself_judges_both_sides(tmp_path: Path) -> None:
    """With all engines of policy: a policy that allows everything is found, and nothing else is new."""
    files = {name: (CHECKOUT / name).read_text() for name in ("template.yaml", "samconfig.toml")}
    evil = """
  Everything:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}
"""
    made = Repository(tmp_path / "clone")
    old = made.commit("before", files)
    changed = files["template.yaml"].replace("\nResources:\n", f"\nResources:{evil}", 1)
    new = made.commit("after", {"template.yaml": changed})
    found = judging.between(made.folder, old, new)

    assert () == found.unjudged
    assert {"Everything"} == {one.resource for one in found.findings}
