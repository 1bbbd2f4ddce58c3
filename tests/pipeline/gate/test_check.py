"""The stages' verdict: what broke is never a pass, and the others still report."""

import dataclasses
import datetime as dt
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.run import run
from pipeline.gate import cache, check, output
from pipeline.gate.engines import own
from pipeline.gate.engines.base import Context, Engine, EngineError
from pipeline.gate.engines.programs import call
from pipeline.gate.findings import Finding
from pipeline.source.project import Project
from pipeline.source.stages import STAGES

pytestmark = pytest.mark.outside

type Make = Callable[..., Project]


def _finding(rule: str = "a", environment: str | None = None, tool: str = "good") -> Finding:
    return Finding(
        rule=rule,
        title="title",
        severity="high",
        tool=tool,
        file="template.yaml",
        line=3,
        fact="fact",
        environment=environment,
        message="message",
    )


def _engine(name: str, run: Callable[[Context], Iterator[Finding]], *, cached: bool = False) -> Engine:
    return Engine(name, ("ruff",), lambda file: file == "template.yaml", run, cached)


def _quiet(context: Context) -> Iterator[Finding]:
    yield from ()


def _broken(context: Context) -> Iterator[Finding]:
    yield _finding("before", tool="bad")
    raise EngineError("x stood still for 300 seconds")


def _raising(context: Context) -> Iterator[Finding]:
    yield from ()
    raise KeyError("results")


def _stages(monkeypatch: pytest.MonkeyPatch, **stages: tuple[Engine, ...]) -> None:
    monkeypatch.setattr(check, "ENGINES", stages)


@pytest.mark.parametrize(
    ("run", "message", "status"),
    [(_broken, "stood still", "failed"), (_raising, "KeyError: 'results'", "no verdict")],
)
def test_engine_without_verdict_ends_its_stage_alone(
    make_project: Make,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[[Context], Iterator[Finding]],
    message: str,
    status: str,
) -> None:
    """What broke is told and is no finding; the other stage is judged; the exit status is 2."""
    _stages(monkeypatch, lint=(_engine("bad", run),), policy=(_engine("good", _quiet),))
    report = check.judge(make_project().root, ("lint", "policy"))

    assert [stage.status for stage in report.stages] == [status, "passed"]
    assert [("bad", True)] == [(one.name, message in one.broken) for one in report.silent]
    assert not any(message in one.message for one in report.findings)
    assert report.status == 2


def test_findings_before_a_failure_are_kept(make_project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an engine told before it broke is told."""
    _stages(monkeypatch, lint=(_engine("bad", _broken),))
    report = check.judge(make_project().root, ("lint",))

    assert {"before"} == {one.rule for one in report.findings}


def test_finding_of_every_environment_is_one(make_project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What all environments share is told once without a name; what some share names them."""

    def run(context: Context) -> Iterator[Finding]:
        for name in ("dev", "prod"):
            yield _finding("shared", name)
        yield _finding("own", "prod")

    _stages(monkeypatch, policy=(_engine("good", run),))
    report = check.judge(make_project().root, ("policy",))

    assert [("own", "prod"), ("shared", None)] == [(one.rule, one.environment) for one in report.findings]
    assert report.status == 1


def test_unreadable_file_is_status_2(make_project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that doesn't parse is told with its line, and the status says that it wasn't judged."""
    _stages(monkeypatch, policy=(own.ENGINE,))
    project = make_project(**{"template.yaml": "Resources: [\n"})
    report = check.judge(project.root, ("policy",), cached=False)

    assert report.status == 2
    assert ("unreadable", "template.yaml", 2) in {(one.rule, one.file, one.line) for one in report.findings}


def _counting(counted: list[str]) -> Callable[[Context], Iterator[Finding]]:
    def run(context: Context) -> Iterator[Finding]:
        counted.append("run")
        yield _finding()

    return run


@pytest.fixture
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.mark.usefixtures("own_cache")
def test_unchanged_input_is_not_judged_twice(make_project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same content is judged once; other content of a file that matters, anew."""
    counted: list[str] = []
    _stages(monkeypatch, lint=(_engine("good", _counting(counted), cached=True),))
    root = make_project().root
    first, second = check.judge(root, ("lint",)), check.judge(root, ("lint",))
    (root / "README.md").write_text("of no matter")
    check.judge(root, ("lint",))

    assert first.findings == second.findings
    assert counted == ["run"]

    make_project(**{"template.yaml": "Resources: {A: {Type: 'AWS::SNS::Topic'}}\n"})
    check.judge(root, ("lint",))

    assert counted == ["run", "run"]


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("what", ["_installed", "_gate"])
def test_verdict_of_another_version_is_not_trusted(
    make_project: Make, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A tool in another version, or another gate, judges anew."""
    counted: list[str] = []
    _stages(monkeypatch, lint=(_engine("good", _counting(counted), cached=True),))
    root = make_project().root
    check.judge(root, ("lint",))
    monkeypatch.setattr(cache, what, lambda: ("ruff-99.0",) if what == "_installed" else "other")
    check.judge(root, ("lint",))

    assert counted == ["run", "run"]


def test_broken_cache_entry_is_judged_anew(
    make_project: Make, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    """A cache that can't be read costs time, and nothing else."""
    counted: list[str] = []
    _stages(monkeypatch, lint=(_engine("good", _counting(counted), cached=True),))
    root = make_project().root
    check.judge(root, ("lint",))
    for entry in own_cache.rglob("*.json"):
        entry.write_text("{")
    report = check.judge(root, ("lint",))

    assert counted == ["run", "run"]
    assert [one.rule for one in report.findings] == ["a"]


@pytest.mark.usefixtures("own_cache")
def test_verdict_of_a_broken_engine_is_not_kept(make_project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What broke once is tried again."""
    _stages(monkeypatch, lint=(_engine("bad", _broken, cached=True),))
    root = make_project().root
    check.judge(root, ("lint",))

    assert check.judge(root, ("lint",)).status == 2


def _hanging(context: Context) -> Iterator[Finding]:
    call(Path(sys.executable), ["-c", "import time; time.sleep(3600)"], context)
    yield _finding()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json", "sarif", "html", "junit", "oscal"])
def test_a_tool_that_was_ended_is_no_verdict_and_no_finding(
    make_project: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    form: str,
) -> None:
    """Exit status 2, and every report says that and why; none of them has a finding of it."""
    monkeypatch.setattr(run, "__kwdefaults__", {**(run.__kwdefaults__ or {}), "patience": 0.6})
    _stages(monkeypatch, lint=(_engine("mypy", _hanging),))
    monkeypatch.chdir(make_project().root)
    printed = {"text": "text", "sarif": "sarif"}.get(form, "json")
    status = cli.main(["lint", "--format", printed, "--output", str(tmp_path / "out")])
    files = {"html": "report.html", "junit": "junit.xml", "oscal": "oscal-assessment-results.json"}
    said = capsys.readouterr().out
    text = (tmp_path / "out" / files[form]).read_text() if form in files else said
    report = json.loads((tmp_path / "out" / "report.json").read_text())

    assert status == 2
    assert "no verdict" in text.lower()
    assert "stood still for 1 seconds" in text
    assert ("no verdict", [], ["no verdict"]) == (
        report["verdict"],
        report["findings"],
        [stage["status"] for stage in report["stages"]],
    )


ROUTES = """\
Transform: AWS::Serverless-2016-10-31
Parameters: { Environment: { Type: String }, Size: { Type: String } }
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: build/app/
      Handler: app.aws.handler
      Runtime: python3.13
      Events:
        Hook: { Type: Api, Properties: { Path: /hook, Method: POST } }
"""
WAIVER = """\
[[waiver]]
rule = "open_route"
resource = "Function"
fact = "POST /hook"
reason = "the partner signs what it sends, and the code verifies it"
owner = "ana"
approver = "bo"
ticket = "OPS-1"
expires = 2026-09-01
"""
DAY = dt.date(2026, 6, 1)


def _open(project: Project) -> list[str]:
    """The facts of open_route that are still open."""
    found = check.judge(project.root, ("policy",), today=DAY, cached=False).findings
    return [one.fact for one in found if one.rule == "open_route" and one.waiver is None]


@pytest.mark.parametrize(
    ("event", "fact"),
    [
        ("Type: Api, Properties: { Path: /hook, Method: DELETE }", "DELETE /hook"),
        ("Type: Api, Properties: { Path: '/admin/{what+}', Method: any }", "ANY /admin/{what+}"),
        ("Type: HttpApi, Properties: { Path: /hook, Method: POST }", "POST /hook (2)"),
        ("Type: Api, Properties: { Path: /Hook, Method: POST }", "POST /Hook"),
    ],
)
def test_waiver_of_a_route_opens_no_other(
    make_project: Make, monkeypatch: pytest.MonkeyPatch, event: str, fact: str
) -> None:
    """Neither another method or path, nor the same of another API, also when it is added later."""
    _stages(monkeypatch, policy=(own.ENGINE,))
    files = {"template.yaml": ROUTES, "policies/waivers.toml": WAIVER}

    assert _open(make_project(**files)) == []

    files["template.yaml"] += f"        Later: {{ {event} }}\n"

    assert _open(make_project(**files)) == [fact]


def test_waiver_without_fact_is_refused_with_what_to_write(
    make_project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is printed is a file of waivers that covers what the old one did."""
    _stages(monkeypatch, policy=(own.ENGINE,))
    template = f"{ROUTES}        Other: {{ Type: Api, Properties: {{ Path: /other, Method: PUT }} }}\n"
    old = WAIVER.replace('fact = "POST /hook"\n', "")
    project = make_project(**{"template.yaml": template, "policies/waivers.toml": old})
    report = check.judge(project.root, ("policy",), today=DAY, cached=False).printable()
    refused = next(one for one in report.findings if one.rule == "waiver")

    assert _open(project) == ["POST /hook", "PUT /other"]
    assert refused.message.endswith('for: fact = "POST /hook"; fact = "PUT /other"')
    assert report.rewritten in output.as_text(report)

    assert _open(make_project(**{"template.yaml": template, "policies/waivers.toml": report.rewritten})) == []


def _telling(findings: list[Finding]) -> Callable[[Context], Iterator[Finding]]:
    return lambda context: iter(findings)


def test_one_fact_of_several_findings_is_numbered(
    make_project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their lines and words, whatever the order of an engine, so that a waiver covers one of them; a finding that
    is told twice is one, and another rule, file, resource or environment needs no number."""
    first = _finding()
    alike = [dataclasses.replace(first, line=9), dataclasses.replace(first, line=9, message="other words")]
    apart = [
        dataclasses.replace(first, rule="b"),
        dataclasses.replace(first, file="samconfig.toml"),
        dataclasses.replace(first, resource="Function"),
        dataclasses.replace(first, environment="dev", message="words of dev"),
        dataclasses.replace(first, fact="another"),
        dataclasses.replace(first, fact="fact (2)", line=12),
    ]
    told = [first, first, *alike, *apart]
    project = make_project()
    results = []
    for order in (told, told[::-1]):
        _stages(monkeypatch, policy=(_engine("good", _telling(order)),))
        results.append(check.judge(project.root, ("policy",)).findings)

    assert set(results[0]) == set(results[1])
    assert len(told) - 1 == len({(f.rule, f.subject, f.fact, f.environment) for f in results[0]})
    assert {"fact": 3, "fact (2)": 9, "fact (3)": 9, "fact (2) (2)": 12} == {
        f.fact: f.line
        for f in results[0]
        if (f.rule, f.subject, f.environment) == ("a", "template.yaml", None) and f.fact != "another"
    }


def test_fact_that_holds_a_secret_is_not_told(make_project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of a file may be a finding's fact, and a fact is written into reports and waivers."""
    secret = dataclasses.replace(_finding(), fact=f"key = '{'AKIA'}Q3EGRIWEXAMPLE77'")
    _stages(monkeypatch, policy=(_engine("good", lambda context: iter([secret])),))
    (found,) = check.judge(make_project().root, ("policy",)).findings

    assert found.fact.startswith("a text that holds a secret, ")
    assert "Q3EGRIWEXAMPLE77" not in found.fact


def test_every_stage_has_engines() -> None:
    """The stages that rules demand of workflows, and that a release is told by, are those of the gate."""
    assert STAGES == tuple(check.ENGINES)
    assert all(check.ENGINES.values())
