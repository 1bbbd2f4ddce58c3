"""The pages for people: made on the server, without scripts, behind a session."""

from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, g, render_template, request
from werkzeug.exceptions import HTTPException

from app.database import Connection, DatabaseUnavailableError
from app.fields import COMMIT, SEMANTIC_VERSION, keepable
from app.ledger import html, measures, plots, queries, sessions, store
from app.ledger.kinds import CHECK, DEPLOYMENT, FINDING, SEVERITIES, WAIVER, Values
from app.paging import Page
from app.problems import Problem
from app.secrets_manager import SecretUnavailableError
from app.state import state

SOON_DAYS = 30
MOST = 200  # records of a kind on one page
_STYLE = Path(__file__).parent / "style.css"

blueprint = Blueprint("pages", __name__, url_prefix="/ledger", template_folder="templates")


@blueprint.before_request
def _only_sessions() -> None:
    if request.endpoint != "pages.style":
        sessions.require()


@blueprint.after_request
def _harden(response: Response) -> Response:
    return response if request.endpoint == "pages.style" else html.harden(response)


@blueprint.errorhandler(Problem)
def _problem(problem: Problem) -> tuple[str, int]:
    return html.problem(problem)


@blueprint.errorhandler(DatabaseUnavailableError)
@blueprint.errorhandler(SecretUnavailableError)
def _unavailable(error: Exception) -> tuple[str, int, dict[str, str]]:
    return html.unavailable(error)


@blueprint.errorhandler(404)
def _unknown(error: HTTPException) -> tuple[str, int]:
    return html.error(error.name, error.description or "", 404)


@blueprint.app_template_filter("when")
def when(moment: datetime) -> str:
    """Return a moment to the minute, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


@blueprint.app_template_filter("ago")
def ago(moment: datetime) -> str:
    """Return how long ago a moment was, in the largest unit that gives a whole number."""
    seconds = max(0, (datetime.now(UTC) - moment).total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


@blueprint.app_template_filter("number")
def number(value: float | None, unit: str = "") -> str:
    """Return a number with its unit, or a dash where there is none."""
    return "\N{EN DASH}" if value is None else f"{plots.number_text(value)}{unit}"


@blueprint.get("/style.css")
def style() -> Response:
    """The one style sheet, asked for anew only when it changed."""
    response = Response(_STYLE.read_bytes(), mimetype="text/css")
    response.cache_control.public = True
    response.cache_control.max_age = 300
    response.add_etag()
    return response.make_conditional(request)  # type: ignore[return-value]


@blueprint.get("")
def home() -> str:
    """What runs where, since when, and how far each environment is ahead of the next."""

    def ask(connection: Connection) -> Values:
        names = queries.environments(connection)
        environments: list[Values] = [
            {
                "name": name,
                "running": queries.running(connection, name),
                "latest": queries.latest(connection, name),
                "next": following,
                "ahead": queries.ahead(connection, name, following) if following else [],
            }
            for name, following in zip_longest(names, names[1:])
        ]
        releases = queries.releases(connection, 8)
        shown = [*releases, *(one["running"] for one in environments if one["running"])]
        return {
            "environments": environments,
            "deployments": sorted(
                queries.deployments(connection), key=lambda row: row["finished_at"], reverse=True
            ),
            "releases": releases,
            "withdrawn": queries.withdrawals(connection, sorted({row["bundle"] for row in shown})),
        }

    return _page("home", **_ask(ask))


@blueprint.get("/releases/<version>")
def release(version: str) -> str:
    """Everything about a version."""
    _checked(SEMANTIC_VERSION, version)
    found = _ask(lambda connection: queries.release(connection, version))
    if found is None:
        abort(404, f"The ledger knows no version {version}.")
    return _commit(found["commit"], version=version, approver=found.get("approver"))


@blueprint.get("/commits/<commit>")
def commit(commit: str) -> str:
    """Everything about a commit, released or not."""
    _checked(COMMIT, commit)
    return _commit(commit)


@blueprint.get("/policy")
def policy() -> str:
    """How many findings the gate had, commit by commit."""
    rows = _ask(queries.findings_by_commit)
    charts = [
        plots.bars(
            f"Severity {severity}, not waived",
            "findings",
            [(row["commit"][:7], float(row[severity])) for row in reversed(rows)],
        )
        for severity in SEVERITIES
    ]
    return _page("policy", rows=rows, charts=charts if rows else [])


@blueprint.get("/waivers")
def waivers() -> str:
    """The waivers in force, the soonest to expire first."""
    return _page("waivers", rows=_ask(queries.waivers), soon=SOON_DAYS)


@blueprint.get("/measures")
def dora() -> str:
    """The four DORA measures of one environment, week by week."""
    now = datetime.now(UTC)

    def ask(connection: Connection) -> tuple[list[str], str | None, queries.Rows]:
        names = queries.environments(connection)
        asked = request.args.get("environment", names[-1] if names else "")
        chosen = asked if asked in names else None
        rows = queries.since(connection, chosen, measures.beginning(now)) if chosen else []
        return names, chosen, rows

    names, chosen, rows = _ask(ask)
    if names and chosen is None:
        abort(404, "The ledger knows no environment of this name.")
    result = measures.measure(rows, now)
    weeks = [(week.begin.strftime("%d %b"), week) for week in result.weeks]
    charts = [
        plots.bars("Deployment frequency", "deployments", [(at, float(w.deployments)) for at, w in weeks]),
        plots.bars("Lead time for changes", "hours, median", [(at, w.lead_hours) for at, w in weeks]),
        plots.bars(
            "Change failure rate",
            "% of deployments",
            [(at, None if w.failure_rate is None else w.failure_rate * 100) for at, w in weeks],
        ),
        plots.bars("Time to restore", "hours, median", [(at, w.restore_hours) for at, w in weeks]),
    ]
    return _page("measures", names=names, chosen=chosen, result=result, charts=charts)


@blueprint.get("/search")
def search() -> str:
    """Deployments by version, environment, or the beginning of a commit or bundle."""
    words = request.args.get("q", "").strip()[:100]
    rows = _ask(lambda connection: queries.search(connection, words)) if words and keepable(words) else []
    return _page("search", words=words, rows=rows)


def _commit(commit: str, version: str | None = None, approver: str | None = None) -> str:
    def ask(connection: Connection) -> Values:
        found: Values = {
            kind.plural: store.page(connection, kind, Page(MOST), {"commit": commit})[:MOST]
            for kind in (DEPLOYMENT, CHECK, FINDING, WAIVER)
        }
        # What is open before what is waived, and of either the worst first.
        found["findings"].sort(key=lambda row: (row["waiver"] is not None, SEVERITIES.index(row["severity"])))
        bundles = sorted({row["bundle"] for row in found["deployments"]})
        evidence = queries.evidence(connection, bundles)
        evidence.sort(key=lambda row: row["name"] != "passport")
        withdrawn = queries.withdrawals(connection, bundles)
        return {**found, "bundles": bundles, "evidence": evidence, "withdrawn": withdrawn}

    found = _ask(ask)
    if not any(found[plural] for plural in ("deployments", "checks", "findings", "waivers")):
        abort(404, f"The ledger knows no commit {commit}.")
    return _page("commit", commit=commit, version=version, approver=approver, **found)


def _checked(check: Any, value: str) -> None:
    try:
        check.parse(value)
    except ValueError:
        abort(404)


def _ask(work: Any) -> Any:
    return state(current_app).database.run(work)


def _page(name: str, **values: Any) -> str:
    return render_template(f"ledger/{name}.html", page=name, identity=g.identity, **values)
