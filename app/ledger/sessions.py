"""Who may see the pages: an IAM identity asks for a link, which opens a session once, within a minute."""

import hashlib
import secrets
import uuid
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, redirect, request, url_for

from app import problems
from app.database import Connection, DatabaseUnavailableError
from app.identity import caller
from app.ledger import html, store
from app.ledger.keys import Keys
from app.ledger.kinds import READ
from app.problems import Problem
from app.secrets_manager import SecretUnavailableError
from app.state import state

COOKIE = "__Host-ledger"  # a browser takes this name only with Secure, Path=/ and no Domain
SESSION_SECONDS = 3600
LINK_SECONDS = 60

blueprint = Blueprint("sessions", __name__)


@blueprint.errorhandler(Problem)
def _problem(problem: Problem) -> Response | tuple[str, int]:
    """A person who follows a link reads a page; a program that asks for one gets problem details."""
    opens = request.endpoint == "sessions.open_link"
    return html.problem(problem) if opens else problems.respond(**problem.members)


@blueprint.errorhandler(DatabaseUnavailableError)
@blueprint.errorhandler(SecretUnavailableError)
def _unavailable(error: Exception) -> Response | tuple[str, int, dict[str, str]]:
    if request.endpoint == "sessions.open_link":
        return html.unavailable(error)
    return problems.respond(**problems.unavailable(error).members, headers=problems.RETRY)


@blueprint.after_request
def _harden(response: Response) -> Response:
    return html.harden(response)


@blueprint.post("/api/sessions")
def ask_for_link() -> tuple[Response, int]:
    """Return a link for the IAM identity that signed the request."""
    identity = caller(request)
    if identity is None:
        raise Problem(403, "Forbidden", "Sign the request: a session belongs to an IAM identity.")
    token = secrets.token_urlsafe(32)
    state(current_app).database.run(
        lambda connection: connection.execute(
            "INSERT INTO ledger.link (digest, identity) VALUES (%s, %s)", [_digest(token), identity]
        )
    )
    url = url_for("sessions.open_link", token=token, _external=True)
    return jsonify({"url": url, "expires_in": LINK_SECONDS}), 201


@blueprint.get("/session")
def open_link() -> Response:
    """Turn a link into a session cookie, once, and show the first page."""
    if request.method != "GET":  # whoever looks at a link before opening it must not use it up
        raise Problem(405, "Method Not Allowed", "Open the link with GET.")
    digest = _digest(request.args.get("token", ""))
    identity = state(current_app).database.run(lambda connection: _use(connection, digest))
    if identity is None:
        raise Problem(
            403, "Forbidden", f"This link was used, or is older than {LINK_SECONDS} seconds. Ask for another."
        )
    cookie = _keys().sign({"identity": identity})
    response = redirect(url_for("pages.home"), 303)
    response.set_cookie(
        COOKIE, cookie, max_age=SESSION_SECONDS, secure=True, httponly=True, samesite="Lax", path="/"
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response  # type: ignore[return-value]


def require() -> None:
    """Let only sessions pass, and record who looks at what; Problem 401 for everybody else."""
    cookie = request.cookies.get(COOKIE)
    session = _keys().read(cookie, SESSION_SECONDS) if cookie else None
    if session is None:
        raise Problem(
            401,
            "Unauthorized",
            "Open the ledger with `pipeline ledger open ENVIRONMENT`; a session lasts an hour.",
        )
    g.identity = session["identity"]
    values: dict[str, Any] = {"id": uuid.uuid4(), "identity": g.identity, "path": request.path[:2000]}
    state(current_app).database.run(lambda connection: store.add(connection, READ, values, g.identity))


def _use(connection: Connection, digest: bytes) -> str | None:
    """Note that the link is used; return its identity, or None if it is unknown, too old or used before."""
    row = connection.execute(
        """
        WITH used AS (
            INSERT INTO ledger.link_use (digest)
            SELECT digest FROM ledger.link
            WHERE digest = %s AND created_at > clock_timestamp() - make_interval(secs => %s)
            ON CONFLICT DO NOTHING RETURNING digest
        )
        SELECT identity FROM ledger.link JOIN used USING (digest)
        """,
        [digest, LINK_SECONDS],
    ).fetchone()
    return None if row is None else str(row[0])


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _keys() -> Keys:
    keys: Keys | None = current_app.extensions.get("ledger_keys")
    if keys is None:
        arn = state(current_app).config.session_secret_arn
        if not arn:
            raise SecretUnavailableError("SESSION_SECRET_ARN is empty: this deployment has no sessions")
        keys = current_app.extensions["ledger_keys"] = Keys(arn)
    return keys
