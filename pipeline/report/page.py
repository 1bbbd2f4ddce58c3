"""report.html: everything on one page that needs no script and loads nothing."""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.gate import waivers
from pipeline.gate.rules import FRAMEWORKS
from pipeline.gate.verdict import UNJUDGED
from pipeline.iam.rows import Entry
from pipeline.report.controls import by_framework
from pipeline.report.evidence import Evidence
from pipeline.source import settings

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Job:
    """A job of the trust table: each subject that it may send, with a cell for each role."""

    who: str
    lines: tuple[tuple[str, tuple[Entry | None, ...]], ...]


def render(evidence: Evidence) -> str:
    """The page. Every value is escaped by the template engine; the style sheet is let in by its digest."""
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    roles = tuple(dict.fromkeys(one.role for one in evidence.trust or ()))
    engine = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    text = engine.get_template("report.html.j2").render(
        evidence=evidence,
        report=evidence.report,
        controls=by_framework(evidence),
        judged=any(evidence.outcome(rule) != "not judged" for rule in evidence.rules),
        frameworks=FRAMEWORKS,
        roles=roles,
        jobs=_jobs(evidence.trust or (), roles),
        soon=waivers.SOON,
        for_finding=waivers.for_finding,
        waivers_file=waivers.FILE,
        settings_file=settings.FILE,
        unjudged=UNJUDGED,
        style=Markup(style),  # noqa: S704 - our own file
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
    )
    return re.sub(r"\s*\n\s*\n", "\n", re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE))


def _jobs(entries: Iterable[Entry], roles: tuple[str, ...]) -> tuple[Job, ...]:
    jobs: dict[str, dict[str, dict[str, Entry]]] = {}
    for entry in entries:
        jobs.setdefault(entry.who, {}).setdefault(entry.subject, {})[entry.role] = entry
    return tuple(
        Job(who, tuple((subject, tuple(map(cells.get, roles))) for subject, cells in subjects.items()))
        for who, subjects in jobs.items()
    )
