"""mypy's baseline: code that came in keeps what it has, and never gets more."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.gate import baseline
from pipeline.gate.engines import mypy
from pipeline.gate.engines.base import Context
from pipeline.gate.findings import Finding
from pipeline.source import settings
from pipeline.source.project import Project
from tests.pipeline.applications import TABLE
from tests.pipeline.gate.conftest import SETTINGS

type Make = Callable[..., Project]
OLD = "app/orders.py: no-untyped-def: Function is missing a return type annotation"


def finding(
    message: str = "Function is missing a return type annotation", file: str = "app/orders.py"
) -> Finding:
    """As mypy's engine gives it."""
    return Finding(
        rule="mypy/no-untyped-def",
        title="Types that don't fit",
        severity="medium",
        tool="mypy",
        file=file,
        line=7,
        fact=message,
        message=message,
    )


def project(listed: str, number: int | None = None) -> Project:
    """A repository whose application lies in app/, with this list and this number."""
    allowed = len(baseline.entries(listed)) if number is None else number
    files = {
        "samconfig.toml": SETTINGS + TABLE,
        baseline.FILE: listed,
        settings.FILE: f"# ours\nmypy_baseline = {allowed} # to mend\n",
    }
    return Project(Path("/"), {name: text.encode() for name, text in files.items()})


def told(findings: list[Finding], judged: Project) -> list[tuple[str, int, str]]:
    return [(one.file, one.line, one.message) for one in baseline.apply(findings, judged)]


def test_what_is_listed_is_let_be_wherever_it_moves_to() -> None:
    """A line that a message names moves too."""
    named = finding('Name "x" already defined on line 12')
    listed = f'# a comment\n\n{OLD}\napp/orders.py: no-untyped-def: Name "x" already defined on line N\n'

    assert [] == told([finding(), named], project(listed))


def test_one_more_of_a_kind_is_told() -> None:
    """An entry is for one finding: a second one alike is new."""
    assert [("app/orders.py", 7, finding().message)] == told([finding(), finding()], project(f"{OLD}\n"))


def test_what_is_gone_has_no_entry_any_more() -> None:
    """At its line, with the command that writes the list anew; of two alike the last."""
    (one,) = baseline.apply([finding()], project(f"{OLD}\n{OLD}\n"))

    assert (baseline.FILE, 2, f"nothing is found any more of: {OLD}") == (one.file, one.line, one.message)
    assert f"Run: {baseline.COMMAND}" == one.remediation


def test_the_number_is_that_of_the_list() -> None:
    """More entries than security lets it have, and room for new ones, both are told at the number."""
    assert [(settings.FILE, 2, f"{baseline.FILE} has 1 entries, and mypy_baseline is 0")] == told(
        [finding()], project(f"{OLD}\n", 0)
    )
    (one,) = baseline.apply([finding()], project(f"{OLD}\n", 2))
    assert "the room is not for new ones" in one.message


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("pipeline/cli.py: misc: x", "pipeline/cli.py is not the application's code"),
        ("app/wsgi.py: misc: x", "app/wsgi.py is not the application's code"),
        ("tests/pipeline/test_cli.py: misc: x", "is not the application's code"),
        ("app/orders.py", "is no entry: FILE: CODE: MESSAGE"),
        ("*", "is no entry: FILE: CODE: MESSAGE"),
    ],
)
def test_nothing_but_the_applications_findings_is_kept(row: str, why: str) -> None:
    """The engine's own code has no way around; what is no entry covers nothing."""
    found = told([finding("x", "pipeline/cli.py")], project(f"{row}\n"))

    assert any(why in message for file, _, message in found if file == baseline.FILE)
    assert ("pipeline/cli.py", 7, "x") in found


def test_the_list_takes_in_what_is_new_only_when_asked() -> None:
    """It gets shorter by itself: two are gone, one is new."""
    judged = project(f"{OLD}\napp/a.py: misc: gone\napp/b.py: misc: gone\n")
    findings = [finding(), finding("new"), finding("engine", "pipeline/cli.py")]

    assert [OLD] == baseline.kept(findings, judged, more=False)
    assert [OLD, "app/orders.py: no-untyped-def: new"] == baseline.kept(findings, judged, more=True)


@pytest.mark.slow
@pytest.mark.proof
def test_code_comes_in_and_is_mended(
    make_project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With mypy itself: taken in as far as security lets it, then shorter by one command, and never longer."""
    code = "def one():\n    return 1\n\n\ndef two():\n    return 2\n"
    make_project(
        **{"samconfig.toml": SETTINGS + TABLE, "app/__init__.py": "", "app/orders.py": code},
        **{settings.FILE: "mypy_baseline = 1\n"},
    )
    monkeypatch.chdir(tmp_path)

    def left() -> list[str]:
        scratch = tmp_path.parent / f"{tmp_path.name}-scratch"
        scratch.mkdir(exist_ok=True)
        return [f"{one.file}:{one.line}" for one in mypy.run(Context(Project.load(tmp_path), scratch))]

    assert 1 == cli.main(["baseline", "--write", "--take-in"])
    assert "mypy_baseline of policies/settings.toml is 1; mypy finds 2" in capsys.readouterr().err
    assert not (tmp_path / baseline.FILE).exists()

    (tmp_path / settings.FILE).write_text("mypy_baseline = 2 # of the shop\n")
    assert 1 == cli.main(["baseline", "--take-in"])
    assert not (tmp_path / baseline.FILE).exists()
    assert 0 == cli.main(["baseline", "--take-in", "--write"])
    assert [] == left()

    mended = code.replace("def one()", "def one() -> int")
    (tmp_path / "app/orders.py").write_text(mended + "\n\ndef three():\n    return 3\n")
    (tmp_path / "app/orders.py").write_text(
        (tmp_path / "app/orders.py").read_text().replace("def two()", "def two() -> int")
    )
    # `three` stands there like the two before: one entry covers it, the other one is too many.
    assert [f"{baseline.FILE}:4"] == left()
    assert 0 == cli.main(["baseline", "--write"])
    assert "mypy_baseline = 1 # of the shop\n" == (tmp_path / settings.FILE).read_text()
    assert [] == left()

    (tmp_path / "app/orders.py").write_text("x: int = ''\n")
    assert ["app/orders.py:1", f"{baseline.FILE}:3"] == left()
    assert 0 == cli.main(["baseline", "--write"])
    assert ["app/orders.py:1"] == left()
