"""`pipeline check`: the stages in order, each with its engines, and their verdict."""

import dataclasses
import datetime as dt
import hashlib
import itertools
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.run import run
from pipeline.gate import cache, waivers
from pipeline.gate.engines import (
    actionlint,
    cfn_lint,
    checkov,
    gitleaks,
    hygiene,
    mypy,
    own,
    routes,
    ruff,
    tests,
    zizmor,
)
from pipeline.gate.engines.base import Context, Engine, EngineError
from pipeline.gate.findings import NO_VERDICT, SEVERITIES, Finding, Stage
from pipeline.gate.parts import WHOLE, Scope
from pipeline.gate.verdict import EngineRun, Report
from pipeline.source import secrets
from pipeline.source.project import Project
from pipeline.source.stages import STAGES

# The table of contents of the gate: the engines of each stage.
ENGINES: dict[str, tuple[Engine, ...]] = {
    "lint": (cfn_lint.ENGINE, actionlint.ENGINE, ruff.ENGINE, mypy.ENGINE, hygiene.ENGINE, routes.ENGINE),
    "policy": (checkov.ENGINE, own.ENGINE, zizmor.ENGINE, gitleaks.ENGINE),
    "test": (tests.ENGINE,),
}

_PARALLEL = 6  # engines at a time; nearly all of them wait for a program


@dataclass(frozen=True)
class _Verdict:
    engine: Engine
    findings: list[Finding]
    broken: str
    seconds: float
    kept: bool


def judge(
    root: Path,
    names: Sequence[str] = STAGES,
    *,
    today: dt.date | None = None,
    cached: bool = True,
    scope: Scope = WHOLE,
) -> Report:
    """Judge the repository in `root` by the stages `names`; `scope` says whose tests and types. Nothing is changed."""
    commit, head = _commit(root)
    project = Project.load(root)
    engines = [engine for name in names for engine in ENGINES[name]]
    with tempfile.TemporaryDirectory(prefix="pipeline-") as scratch, ThreadPoolExecutor(_PARALLEL) as pool:
        context = Context(project, Path(scratch), scope)
        running: list[Future[_Verdict]] = [pool.submit(_judge, engine, context, cached) for engine in engines]
        verdicts = {future.result().engine.name: future.result() for future in running}
    day = today or dt.datetime.now(dt.UTC).date()
    findings, rewritten = _settle(project, verdicts, day)
    environments = tuple(one.name for one in project.environments)
    stages = tuple(_stage(name, verdicts, findings) for name in names)
    return Report(
        commit=commit,
        stages=stages,
        findings=tuple(_merged(findings, environments)),
        environments=environments,
        tools=tuple(sorted({version for engine in engines for version in cache.versions(engine)})),
        unjudged=any(one.broken for one in verdicts.values())
        or any(f.rule == "unreadable" for f in findings),
        engines=tuple(
            _run(name, verdicts[engine.name], context) for name in names for engine in ENGINES[name]
        ),
        day=day,
        project=project,
        rewritten=rewritten,
        head=head,
    )


def _run(stage: str, verdict: _Verdict, context: Context) -> EngineRun:
    return EngineRun(
        stage=stage,
        name=verdict.engine.name,
        versions=tuple(cache.versions(verdict.engine)),
        seconds=round(verdict.seconds, 3),
        kept=verdict.kept,
        broken=verdict.broken,
        scope=verdict.engine.scope(context),
    )


def _judge(engine: Engine, context: Context, cached: bool) -> _Verdict:
    start = time.monotonic()
    kept = cached and engine.cached
    name = cache.key(engine, context) if kept else ""
    found = cache.load(name) if kept else None
    broken, old = "", found is not None
    if found is None:
        found = []
        try:
            for finding in engine.run(context):
                found.append(finding)
        except EngineError as error:
            broken = str(error)
        except Exception as error:  # whatever goes wrong in an engine is no pass
            broken = f"{engine.name} raised {type(error).__name__}: {error}"
        if kept and not broken:
            cache.store(name, found)
    return _Verdict(engine, found, broken, time.monotonic() - start, old)


def _settle(project: Project, verdicts: dict[str, _Verdict], today: dt.date) -> tuple[list[Finding], str]:
    """All findings, with waivers applied; and what to write instead of the waivers that name no fact."""
    findings = _apart(finding for verdict in verdicts.values() for finding in verdict.findings)
    document = project.document(waivers.FILE)
    if document is None:
        return findings, ""
    valid, faults = waivers.read(document, today, findings)
    whole = {name for name, verdict in verdicts.items() if not verdict.broken}
    findings = waivers.apply(valid, findings, document, whole)
    if "rules" not in verdicts:
        return findings, ""
    return findings + faults, waivers.without_fact(document, today, findings)


def _apart(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, with a number behind a fact that stands for several: a waiver covers one of them.

    Of a fact that holds a secret itself, such as a row of a file, there is its digest alone.
    """
    used: set[tuple[str, ...]] = set()
    apart = []
    for finding in dict.fromkeys(sorted(findings, key=lambda one: (one.file, one.line, one.message))):
        fact = finding.fact
        if secrets.form(fact):
            fact = f"a text that holds a secret, {hashlib.sha256(fact.encode()).hexdigest()[:12]}"
        place = (finding.rule, finding.subject, finding.environment or "")
        names = itertools.chain([fact], (f"{fact} ({number})" for number in itertools.count(2)))
        name = next(one for one in names if (*place, one) not in used)
        used.add((*place, name))
        apart.append(dataclasses.replace(finding, fact=name))
    return apart


def _stage(name: str, verdicts: dict[str, _Verdict], findings: Iterable[Finding]) -> Stage:
    engines = ENGINES[name]
    tools = {finding.tool for engine in engines for finding in verdicts[engine.name].findings}
    tools |= {engine.name for engine in engines} | ({"pipeline"} if own.ENGINE in engines else set())
    failed = any(finding.waiver is None and finding.tool in tools for finding in findings)
    judged = not any(verdicts[engine.name].broken for engine in engines)
    status = "failed" if failed else "passed" if judged else NO_VERDICT
    seconds = max(verdicts[engine.name].seconds for engine in engines)
    return Stage(name=name, status=status, seconds=round(seconds, 3))


def _merged(findings: Iterable[Finding], environments: tuple[str, ...]) -> list[Finding]:
    """One finding for what several environments share: the names joined, or none when it is all of them."""
    groups: dict[Finding, list[str]] = {}
    for finding in findings:
        names = groups.setdefault(dataclasses.replace(finding, environment=None), [])
        if finding.environment and finding.environment not in names:
            names.append(finding.environment)
    merged = []
    for finding, names in groups.items():
        everywhere = not names or (len(environments) > 1 and set(environments) <= set(names))
        merged.append(dataclasses.replace(finding, environment=None if everywhere else ", ".join(names)))
    return sorted(merged, key=lambda one: (SEVERITIES.index(one.severity), one.file, one.line, one.rule))


def _commit(root: Path) -> tuple[str | None, str | None]:
    """The commit that the work tree is; else the one that its changes stand on, files that git doesn't know included.

    Neither outside of a git work tree of its own. A report of changes must not pass for one of the commit.
    """
    if not (root / ".git").exists():
        return None, None
    found = run(["git", "-C", root, "rev-parse", "--verify", "--quiet", "HEAD"], check=False)
    head = found.stdout.strip() or None
    changed = run(["git", "-C", root, "status", "--porcelain", "-z"], check=False)
    clean = changed.status == 0 and not changed.stdout
    return (head, None) if clean else (None, head)
