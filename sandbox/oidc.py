"""The laptop's issuer of GitHub's OIDC tokens: real RS256 signatures, claims worked out per job.

It answers on loopback what GitHub's runner and token service answer:
`/.well-known/openid-configuration`, `/.well-known/jwks`, and a token for `GET /token?...&audience=`
with the run's bearer token.
"""

import hmac
import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER = "https://token.actions.githubusercontent.com"
ALGORITHM = "RS256"

type Connection = tuple[tuple[str, int], tuple[str, int]]  # the client's end and ours
type Claims = Callable[[Connection], dict[str, Any]]


class RefusedError(Exception):
    """The job that asks may not have a token; the text says why and how to resolve it."""


class Issuer:
    """Listens on a free port of 127.0.0.1 from `start` to `stop`.

    The signing key lies in `folder`, so that tokens of one sandbox verify against one JWKS.
    """

    def __init__(self, folder: Path) -> None:
        self.key = _key(folder / "oidc-key.json")
        self._runs: dict[str, Claims] = {}
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listen. A second start does nothing."""
        if self._server:
            return
        issuer = self

        class Handler(_Handler):
            def answer(self) -> tuple[HTTPStatus, dict[str, Any]]:
                return issuer.answer(self.path, self.headers.get("Authorization", ""), self.connection_ends)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        ).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        """Where it listens."""
        if not self._server:
            raise RuntimeError("The issuer is not started.")
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def request_url(self) -> str:
        """What ACTIONS_ID_TOKEN_REQUEST_URL holds; clients append `&audience=`."""
        return f"{self.url}/token?api-version=2.0"

    def admit(self, bearer: str, claims: Claims) -> None:
        """Let a run ask with its bearer token.

        `claims` gets the connection of a request and returns the claims of the job that made it, `aud` left
        out, or raises RefusedError.
        """
        self._runs[bearer] = claims

    def dismiss(self, bearer: str) -> None:
        """End a run's right to ask."""
        self._runs.pop(bearer, None)

    def sign(self, claims: dict[str, Any]) -> str:
        """A token with these claims."""
        return jwt.encode({"alg": ALGORITHM, "typ": "JWT", "kid": self.key.kid}, claims, self.key)

    def jwks(self) -> dict[str, Any]:
        """The public key, as verifiers read it."""
        return {"keys": [{**self.key.as_dict(private=False), "alg": ALGORITHM, "use": "sig"}]}

    def answer(self, path: str, authorization: str, ends: Connection) -> tuple[HTTPStatus, dict[str, Any]]:
        """The status and JSON body for a GET request."""
        target = urlsplit(path)
        if target.path == "/.well-known/openid-configuration":
            return HTTPStatus.OK, self._configuration()
        if target.path == "/.well-known/jwks":
            return HTTPStatus.OK, self.jwks()
        if target.path != "/token":
            return HTTPStatus.NOT_FOUND, {"message": f"There is nothing at {target.path}."}
        bearer = authorization.removeprefix("Bearer ").removeprefix("bearer ")
        known = next((run for run in self._runs if hmac.compare_digest(run.encode(), bearer.encode())), None)
        if known is None:
            return HTTPStatus.UNAUTHORIZED, {"message": "The bearer token is that of no running workflow."}
        try:
            claims = self._runs[known](ends)
        except RefusedError as error:
            return HTTPStatus.FORBIDDEN, {"message": str(error)}
        audience = parse_qs(target.query).get("audience", [""])[0]
        claims["aud"] = audience or f"https://github.com/{claims['repository_owner']}"
        return HTTPStatus.OK, {"value": self.sign(claims)}

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{self.url}/.well-known/jwks",
            "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "scopes_supported": ["openid"],
        }


class _Handler(BaseHTTPRequestHandler):
    """GET alone, JSON alone, no log."""

    def answer(self) -> tuple[HTTPStatus, dict[str, Any]]:
        raise NotImplementedError

    @property
    def connection_ends(self) -> Connection:
        return self.client_address, self.connection.getsockname()

    def do_GET(self) -> None:
        status, body = self.answer()
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's own name
        """Nothing: a token request has no place in a terminal."""


def _key(path: Path) -> RSAKey:
    """The signing key of this sandbox, made on first use and readable to its owner alone."""
    if path.exists():
        return RSAKey.import_key(json.loads(path.read_text()))
    key = RSAKey.generate_key(2048, auto_kid=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(key.as_dict(private=True)))
    return key
