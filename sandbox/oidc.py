"""The laptop's issuer of GitHub's OIDC tokens: real RS256 signatures, claims worked out per job.

It answers on loopback what GitHub's runner and token service answer:
`/.well-known/openid-configuration`, `/.well-known/jwks`, and a token for `GET /token?...&audience=`
with the run's bearer token.
"""

import hmac
import json
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from sandbox.loopback import Connection, Reply, Request, Server

ISSUER = "https://token.actions.githubusercontent.com"
ALGORITHM = "RS256"

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
        self._server = Server(self._answer)
        self.start, self.stop = self._server.start, self._server.stop

    @property
    def url(self) -> str:
        """Where it listens. Raises RuntimeError before `start`."""
        return self._server.url

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

    def _answer(self, request: Request) -> Reply:
        if request.method != "GET":
            return Reply(HTTPStatus.METHOD_NOT_ALLOWED, {"message": "GET alone."})
        if request.path == "/.well-known/openid-configuration":
            return Reply(HTTPStatus.OK, self._configuration())
        if request.path == "/.well-known/jwks":
            return Reply(HTTPStatus.OK, self.jwks())
        if request.path != "/token":
            return Reply(HTTPStatus.NOT_FOUND, {"message": f"There is nothing at {request.path}."})
        bearer = request.bearer.encode()
        known = next((run for run in list(self._runs) if hmac.compare_digest(run.encode(), bearer)), None)
        if known is None:
            return Reply(
                HTTPStatus.UNAUTHORIZED, {"message": "The bearer token is that of no running workflow."}
            )
        try:
            claims = self._runs[known](request.ends)
        except RefusedError as error:
            return Reply(HTTPStatus.FORBIDDEN, {"message": str(error)})
        audience = request.query.get("audience") or f"https://github.com/{claims['repository_owner']}"
        return Reply(HTTPStatus.OK, {"value": self.sign({**claims, "aud": audience})})

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{self.url}/.well-known/jwks",
            "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "scopes_supported": ["openid"],
        }


def _key(path: Path) -> RSAKey:
    """The signing key of this sandbox, made on first use and readable to its owner alone."""
    if path.exists():
        return RSAKey.import_key(json.loads(path.read_text()))
    key = RSAKey.generate_key(2048, auto_kid=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(key.as_dict(private=True)))
    return key
