"""What the gate's commands print, write and end with."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.markdown import escape
from pipeline.base.run import run
from pipeline.commands import check as command
from pipeline.gate import check, output
from pipeline.gate.findings import Stage
from pipeline.gate.parts import Scope
from pipeline.gate.verdict import EngineRun, Report
from pipeline.report import oscal, page, sarif, step_summary
from tests.pipeline.report.sample import COMMIT, FINDINGS, evidence
from tests.pipeline.report.schemas import faults

CLEAN = {"findings": (), "stages": (Stage("lint", "passed", 1.0),), "unjudged": False}


@pytest.fixture(autouse=True)
def _no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests may themselves be run by a workflow."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


def judged(monkeypatch: pytest.MonkeyPatch, report: Report) -> list[Sequence[str]]:
    """Let the gate come to `report`; the stages that were asked for."""
    asked: list[Sequence[str]] = []

    def judge(root: Path, names: Sequence[str], *, cached: bool, scope: Scope) -> Report:
        asked.append(names)
        return report

    monkeypatch.setattr(command, "judge", judge)
    return asked


@pytest.mark.parametrize(
    ("changes", "status"),
    [(CLEAN, 0), ({"unjudged": False}, 1), ({}, 2)],
    ids=["clean", "failed", "not everything judged"],
)
def test_exit_status(changes: dict[str, object], status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 clean, 1 gate failed, 2 something couldn't be judged."""
    judged(monkeypatch, evidence(**changes).report)

    assert status == cli.main(["check"])


def test_stages_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` is all stages, each other command its own."""
    asked = judged(monkeypatch, evidence(**CLEAN).report)
    for name in ("check", "lint", "policy", "test"):
        cli.main([name])

    assert [("lint", "policy", "test"), ("lint",), ("policy",), ("test",)] == asked


@pytest.mark.outside
@pytest.mark.parametrize("command", ["check", "lint", "test"])
def test_a_base_that_is_not_there_is_no_verdict(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is judged then; policy, which judges all, doesn't look for it."""
    asked = judged(monkeypatch, evidence(**CLEAN).report)
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    run(["git", "init", "--quiet"], cwd=tmp_path)
    run(["git", *who, "commit", "--quiet", "--allow-empty", "-m", "first"], cwd=tmp_path)
    (tmp_path / "tests/application").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    assert [2, 0] == [cli.main([command, "--base", "nowhere"]), cli.main(["policy", "--base", "nowhere"])]
    assert [("policy",)] == asked
    assert "--base: nowhere is no commit of this clone." in capsys.readouterr().err


@pytest.mark.outside
@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a").write_text("other"),
        lambda folder: (folder / "new").write_text("x"),
        lambda folder: (folder / "a").unlink(),
        lambda folder: (folder / "a").chmod(0o755),
        lambda folder: run(["git", "rm", "--quiet", "a"], cwd=folder),
    ],
    ids=["changed", "new", "gone", "another mode", "staged"],
)
def test_what_is_not_committed_is_no_commit(tmp_path: Path, change: Callable[[Path], object]) -> None:
    """A report names the commit that it stands on as that, not as what was judged. What git ignores is nothing."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    run(["git", "init", "--quiet"], cwd=tmp_path)
    (tmp_path / "a").write_text("a")
    (tmp_path / ".gitignore").write_text("build/\n")
    run(["git", "add", "."], cwd=tmp_path)
    run(["git", *who, "commit", "--quiet", "-m", "first"], cwd=tmp_path)
    (tmp_path / "build").mkdir()
    (tmp_path / "build/x").write_text("x")
    head = run(["git", "rev-parse", "HEAD"], cwd=tmp_path).stdout.strip()
    clean = check._commit(tmp_path)
    change(tmp_path)

    assert (head, None) == clean
    assert (None, head) == check._commit(tmp_path)


def test_reports_say_that_it_is_not_committed() -> None:
    """In the JSON, on the page and in OSCAL; SARIF names no revision."""
    about = evidence(commit=None, head=COMMIT)
    data = json.loads(output.as_json(about.report))
    words = f"changes to {COMMIT} that aren"

    assert (None, COMMIT) == (data["commit"], data["head"])
    assert words in page.render(about).replace("&#39;", "'")
    assert f"none: {words}" in json.loads(oscal.render(about))["assessment-results"]["metadata"]["version"]
    assert COMMIT not in sarif.render(about)


def test_what_was_left_out_is_said() -> None:
    """In the text, in the JSON and in the summary."""
    said = "the application's tests alone: nothing of the engine changed"
    engines = (EngineRun("test", "pytest", (), 1.0, scope=said),)
    about = evidence(engines=engines, stages=(Stage("test", "passed", 1.0),), findings=(), unjudged=False)

    assert f"passed        1.0 s\n         {said}\n" in output.as_text(about.report)
    assert [said] == [one["scope"] for one in json.loads(output.as_json(about.report))["engines"]]
    assert f"given: {escape(said)}" in step_summary.render(about)


def test_json_is_the_contract(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The documented keys, with their types, stand in the JSON."""
    judged(monkeypatch, evidence().report)
    cli.main(["check", "--format", "json"])
    data = json.loads(capsys.readouterr().out)
    first = data["findings"][0]

    assert (1, COMMIT) == (data["schema"], data["commit"])
    assert {"name": "lint", "status": "failed", "seconds": 3.214} == data["stages"][0]
    assert {
        "rule": "secret_in_environment",
        "title": "No secret in an environment",
        "severity": "critical",
        "tool": "pipeline",
        "file": "template.yaml",
        "line": 41,
        "resource": "AppFunction",
        "fact": "TOKEN",
        "environment": "prod",
        "message": FINDINGS[0].message,
        "remediation": "Give the function the secret's ARN.",
        "controls": ["NIST IA-5(7)", "OWASP CICD-SEC-6"],
        "waiver": None,
    } == first


def test_sarif_is_valid(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What `--format sarif` prints is a SARIF document and nothing else."""
    judged(monkeypatch, evidence().report)
    cli.main(["check", "--format", "sarif"])

    assert [] == faults("sarif-2.1.0.json", capsys.readouterr().out)


def test_text_holds_no_command_for_a_runner() -> None:
    """No line of the text, nor of the JSON, is one that a runner obeys, whatever a pull request wrote."""
    lines = (output.as_text(evidence().report) + output.as_json(evidence().report)).splitlines()

    assert [] == [line for line in lines if line.lstrip().startswith("::") or "##[" in line]


def test_run_on_github(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run on GitHub gets annotations beside the text, its summary, and the reports."""
    judged(monkeypatch, evidence().report)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    cli.main(["policy", "--format", "json", "--output", str(tmp_path / "out")])
    printed = capsys.readouterr()

    assert 5 == len(printed.err.splitlines())
    assert all(line.startswith("::") for line in printed.err.splitlines())
    assert json.loads(printed.out)
    assert (tmp_path / "summary.md").read_text().startswith("### Not everything was judged")
    assert (tmp_path / "out" / "report.html").is_file()


def test_nothing_is_told_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Outside of GitHub no annotation is printed."""
    judged(monkeypatch, evidence().report)
    cli.main(["policy"])

    assert "" == capsys.readouterr().err
