"""What every page for people has in common: its headers, and the form of its errors."""

from flask import Response, g, render_template

from app import problems
from app.problems import Problem

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def harden(response: Response) -> Response:
    """Let the page load nothing from elsewhere, run no script, stand in no frame, and stay in no cache."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.cache_control.no_store = True
    return response


def problem(problem: Problem) -> tuple[str, int]:
    """Return a problem as a page."""
    return error(problem.members["title"], problem.members["detail"], problem.status)


def unavailable(error: Exception) -> tuple[str, int, dict[str, str]]:
    """Return a page that says to try again."""
    return *problem(problems.unavailable(error)), problems.RETRY


def error(title: str, detail: str, status: int) -> tuple[str, int]:
    """Return an error as a page."""
    page = render_template("ledger/error.html", title=title, detail=detail, identity=g.get("identity"))
    return page, status
