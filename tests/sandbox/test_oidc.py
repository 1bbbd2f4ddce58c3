import http.client
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet, RSAKey

from sandbox.loopback import Connection
from sandbox.oidc import ISSUER, Issuer, RefusedError

pytestmark = pytest.mark.outside

CLAIMS = {"iss": ISSUER, "sub": "repo:acme/ledger:environment:dev", "repository_owner": "acme"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("oidc")


@pytest.fixture
def issuer(folder: Path) -> Iterator[Issuer]:
    made = Issuer(folder)
    made.start()
    yield made
    made.stop()


def ask(url: str, bearer: str = "") -> tuple[int, dict[str, Any]]:
    """Status and JSON of a GET request."""
    target = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", target.port or 0)
    try:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        connection.request("GET", f"{target.path}?{target.query}", headers=headers)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def verified(token: str, keys: dict[str, Any]) -> dict[str, Any]:
    return jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256"]).claims  # type: ignore[arg-type]


def test_a_token_verifies_against_the_published_key(issuer: Issuer) -> None:
    """Discovery leads to the key, and the key verifies the token with the audience that was asked for."""
    issuer.admit("run", lambda ends: dict(CLAIMS))
    _, configuration = ask(f"{issuer.url}/.well-known/openid-configuration")
    _, keys = ask(configuration["jwks_uri"])
    status, body = ask(f"{issuer.request_url}&audience=sts.amazonaws.com", "run")

    assert (200, ISSUER) == (status, configuration["issuer"])
    assert {**CLAIMS, "aud": "sts.amazonaws.com"} == verified(body["value"], keys)


def test_the_published_key_is_not_the_private_one(issuer: Issuer) -> None:
    """JWKS holds modulus and exponent, and nothing to sign with."""
    assert {"kty", "n", "e", "kid", "alg", "use"} == issuer.jwks()["keys"][0].keys()


def test_without_an_audience_it_is_the_owner(issuer: Issuer) -> None:
    """A request without audience gets the URL of the owner, as on GitHub."""
    issuer.admit("run", lambda ends: dict(CLAIMS))
    _, body = ask(issuer.request_url, "run")

    assert "https://github.com/acme" == verified(body["value"], issuer.jwks())["aud"]


def test_another_key_is_told_apart(issuer: Issuer, tmp_path: Path) -> None:
    """A token that another sandbox signed doesn't verify here."""
    other = Issuer(tmp_path).sign(dict(CLAIMS))
    ours = RSAKey.import_key({**issuer.jwks()["keys"][0], "kid": str(Issuer(tmp_path).key.kid)})
    keys = KeySet([ours])

    with pytest.raises(BadSignatureError):
        jwt.decode(other, keys, algorithms=["RS256"])


def test_the_key_stays_and_is_the_owners_alone(folder: Path) -> None:
    """A second issuer on the same folder signs with the same key, which nobody else can read."""
    first, second = Issuer(folder), Issuer(folder)

    assert first.jwks() == second.jwks()
    assert 0o600 == stat.S_IMODE((folder / "oidc-key.json").stat().st_mode)


@pytest.mark.parametrize("bearer", ["", "other", "ru", "runn", "dismissed"])
def test_only_a_running_workflow_may_ask(issuer: Issuer, bearer: str) -> None:
    """Without the bearer token of a run that is going on, there is no token."""
    issuer.admit("run", lambda ends: dict(CLAIMS))
    issuer.admit("dismissed", lambda ends: dict(CLAIMS))
    issuer.dismiss("dismissed")
    status, body = ask(issuer.request_url, bearer)

    assert 401 == status
    assert "value" not in body


def test_a_refusal_says_why(issuer: Issuer) -> None:
    """A job without the permission gets no token but the reason."""

    def refuse(ends: Connection) -> dict[str, Any]:
        raise RefusedError("no permission")

    issuer.admit("run", refuse)

    assert (403, {"message": "no permission"}) == ask(issuer.request_url, "run")


def test_the_claims_are_worked_out_from_the_connection(issuer: Issuer) -> None:
    """Whoever works out the claims gets both ends of the very connection that asks."""
    seen: list[Connection] = []

    def claims(ends: Connection) -> dict[str, Any]:
        seen.append(ends)
        return dict(CLAIMS)

    issuer.admit("run", claims)
    ask(issuer.request_url, "run")
    (client, server) = seen[0]

    assert ("127.0.0.1", "127.0.0.1", issuer.url) == (client[0], server[0], f"http://127.0.0.1:{server[1]}")


def test_there_is_nothing_else(issuer: Issuer) -> None:
    """Other addresses are not found."""
    assert 404 == ask(f"{issuer.url}/other")[0]


def test_an_issuer_that_does_not_listen_has_no_address(folder: Path) -> None:
    """Before `start` there is no URL that a run could be given by mistake."""
    with pytest.raises(RuntimeError, match="not started"):
        _ = Issuer(folder).request_url
