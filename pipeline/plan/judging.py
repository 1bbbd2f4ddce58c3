"""What a change lets in, by the gate's rules: findings that its base didn't have, and waivers."""

import datetime as dt
import tempfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.gate import waivers
from pipeline.gate.check import judge
from pipeline.gate.findings import Finding
from pipeline.gate.verdict import Report
from pipeline.gate.waivers import Waiver
from pipeline.plan import sources
from pipeline.plan.model import Policy
from pipeline.source import blobs
from pipeline.source.located import DocumentError, parse

_STAGE = "policy"


def between(repository: Path, base: str, head: str) -> Policy:
    """What `head` lets in that `base` didn't. Raises ConfigurationError where nothing could be built of `head`.

    The base is judged only where there is something to hold against it. Of what either side got no verdict on is told.
    """
    after = _judged(repository, head)
    before = None
    unjudged = [f"{one.name}: {one.broken}" for one in after.silent]
    if after.findings:
        try:
            before = _judged(repository, base)
        except PipelineError as error:
            unjudged.append(f"the base, so that all that was found is shown: {error.message}")
    known = before.findings if before else ()
    old, new = (_waivers(repository, commit, after.day) for commit in (base, head))
    return Policy(
        findings=tuple(one for one in after.findings if _is_new(one, known)),
        waived=tuple(one for one in new if one not in old),
        ended=tuple(one for one in old if _place(one) not in {_place(each) for each in new}),
        unjudged=tuple(unjudged),
    )


def _judged(repository: Path, commit: str) -> Report:
    """The verdict on a commit, whatever lies in the work tree."""
    tree = blobs.read(repository, commit)
    blobs.check(tree, [])
    with tempfile.TemporaryDirectory(prefix="judged-") as scratch:
        folder = Path(scratch) / "tree"
        blobs.write(tree, folder)
        return judge(folder, (_STAGE,)).printable()


def _is_new(finding: Finding, known: Collection[Finding]) -> bool:
    """Whether the base had no such finding, or had it waived where it is open now; lines move, facts don't."""
    same = [
        one
        for one in known
        if (one.rule, one.subject, one.fact, one.environment)
        == (finding.rule, finding.subject, finding.fact, finding.environment)
    ]
    return not any(one.waiver is None or finding.waiver is not None for one in same)


def _waivers(repository: Path, commit: str, day: dt.date) -> list[Waiver]:
    """The waivers of a commit that hold on a day, without their lines, which move. Those that don't are findings."""
    text = sources.content(commit, waivers.FILE, repository)
    try:
        found = [] if text is None else waivers.read(parse(text, waivers.FILE), day)[0]
    except DocumentError:
        return []
    return [replace(one, line=0) for one in found]


def _place(one: Waiver) -> tuple[str | None, ...]:
    return one.rule, one.resource, one.fact, one.environment
