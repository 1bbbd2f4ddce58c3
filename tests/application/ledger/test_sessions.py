"""Sessions: a link works once and for a minute, a cookie for an hour, and both survive a new signing key."""

import threading
import traceback
import uuid
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.config import Config
from app.database import Database, DatabaseUnavailableError
from app.ledger import sessions
from app.ledger.keys import Keys
from app.secrets_manager import SecretUnavailableError
from app.signing import PAUSE_SECONDS
from app.state import state
from tests.application.ledger.conftest import IDENTITY, SESSION_ARN
from tests.running import signed
from tests.secrets_manager import NEEDLE, SHAPES, SecretsManager
from tests.waiting import Clock

HTTPS = "https://localhost"


def ask(client: FlaskClient) -> str:
    """Ask for a link, as an IAM identity."""
    response = client.post("/api/sessions", environ_base=signed(IDENTITY))
    assert response.status_code == 201
    return str(response.get_json()["url"])


def test_a_link_opens_a_session_once(client: FlaskClient, flask_app: Flask) -> None:
    """The first to open it gets the cookie; everybody after that is refused."""
    url = ask(client)

    first = client.get(url, base_url=HTTPS)
    second = flask_app.test_client().get(url, base_url=HTTPS)

    assert (303, 403) == (first.status_code, second.status_code)
    assert "Set-Cookie" not in second.headers
    assert client.get("/ledger", base_url=HTTPS).status_code == 200


def test_of_many_who_open_a_link_at_once_one_gets_in(
    client: FlaskClient, flask_app: Flask, migrated: dict[str, str]
) -> None:
    """The database decides, so that two functions can't both let somebody in."""
    url = ask(client)
    apps = [flask_app, *(create_app(Config.from_environ(migrated)) for _ in range(3))]
    statuses: list[int] = []

    def open_link(app: Flask) -> None:
        statuses.append(app.test_client().get(url, base_url=HTTPS).status_code)

    threads = [threading.Thread(target=open_link, args=[app]) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for app in apps[1:]:
        state(app).database.close()

    assert [303, 403, 403, 403] == sorted(statuses)


def test_an_old_link_is_refused(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time a link is worth nothing."""
    url = ask(client)
    monkeypatch.setattr(sessions, "LINK_SECONDS", 0)

    assert client.get(url, base_url=HTTPS).status_code == 403


def test_looking_at_a_link_does_not_use_it(client: FlaskClient) -> None:
    """A mail scanner's HEAD leaves the link to the person."""
    url = ask(client)

    assert client.head(url, base_url=HTTPS).status_code == 405
    assert client.get(url, base_url=HTTPS).status_code == 303


@pytest.mark.parametrize("token", ["", "x", "ä", "%00", "a" * 5000])
def test_an_invented_link_is_refused(client: FlaskClient, token: str) -> None:
    """No token but one that was given out opens anything."""
    assert client.get(f"/session?token={token}").status_code == 403


def test_no_identity_no_link(client: FlaskClient) -> None:
    """A request that IAM did not authorise gets no link, should it ever come through."""
    assert client.post("/api/sessions", environ_base=signed(None)).status_code == 403


def test_only_the_digest_of_a_link_is_kept(client: FlaskClient, flask_app: Flask) -> None:
    """Whoever reads the database can't open what it knows of."""
    token = urlsplit(ask(client)).query.removeprefix("token=")

    kept = state(flask_app).database.run(
        lambda c: c.execute("SELECT digest, identity FROM ledger.link").fetchone()
    )

    assert kept == (sessions._digest(token), IDENTITY)


def test_the_cookie_is_kept_from_scripts_and_other_sites(client: FlaskClient) -> None:
    """Secure, HttpOnly, SameSite, for the host alone, one hour."""
    response = client.get(ask(client), base_url=HTTPS)
    cookie = SimpleCookie(response.headers["Set-Cookie"])[sessions.COOKIE]

    assert (True, True, "Lax", "/", "") == (
        cookie["secure"],
        cookie["httponly"],
        cookie["samesite"],
        cookie["path"],
        cookie["domain"],
    )
    assert cookie["max-age"] == "3600"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path", ["", "/policy", "/waivers", "/measures", "/search?q=dev", "/commits/" + "a" * 40]
)
def test_no_page_without_session(client: FlaskClient, path: str) -> None:
    """Whoever has no cookie, or an invented one, gets 401 and no word of the ledger's content."""
    client.set_cookie(sessions.COOKIE, "invented.cookie.value", secure=True)

    response = client.get(f"/ledger{path}", base_url=HTTPS)

    assert response.status_code == 401
    assert "pipeline ledger open" in response.get_data(as_text=True)


def test_reads_are_recorded_with_the_identity(browser: FlaskClient) -> None:
    """Who looked at which page is a record in the chain like any other."""
    browser.get("/ledger/policy", base_url=HTTPS)

    read = browser.get("/api/reads").get_json()["items"][0]
    assert (IDENTITY, "/ledger/policy", IDENTITY) == (read["identity"], read["path"], read["recorded_by"])
    assert browser.get("/api/verify").get_json()["valid"] is True


def test_a_session_outlives_one_new_key(
    browser: FlaskClient, flask_app: Flask, secrets_manager: SecretsManager
) -> None:
    """Rotation logs nobody out; what two keys ago signed is no longer accepted."""
    replace_key(secrets_manager)
    flask_app.extensions.pop("ledger_keys")
    assert browser.get("/ledger", base_url=HTTPS).status_code == 200

    replace_key(secrets_manager)
    flask_app.extensions.pop("ledger_keys")
    assert browser.get("/ledger", base_url=HTTPS).status_code == 401


def test_a_cookie_by_a_newer_key_makes_an_instance_read_again(
    secrets_manager: SecretsManager, signing_key: str
) -> None:
    """An instance that has not seen the new key yet looks once, not for every invented cookie."""
    clock = Clock()
    behind = Keys(SESSION_ARN, clock=clock)
    behind.sign({})
    replace_key(secrets_manager)
    newer = Keys(SESSION_ARN).sign({"identity": "ada"})

    clock.now += PAUSE_SECONDS
    assert behind.read(newer, 3600) == {"identity": "ada"}

    before = len(secrets_manager.calls)
    for _ in range(20):
        assert behind.read("invented", 3600) is None
    assert len(secrets_manager.calls) == before


def test_a_session_ends_after_its_time(signing_key: str) -> None:
    """An old cookie is refused though its signature is good."""
    kept = Keys(SESSION_ARN)

    assert kept.read(kept.sign({"identity": "ada"}), -1) is None


def test_a_weak_key_is_refused(secrets_manager: SecretsManager) -> None:
    """A secret of another form, or a short key, signs nothing."""
    secrets_manager.put(SESSION_ARN, {"signing_key": "short"})

    with pytest.raises(SecretUnavailableError, match="32 characters"):
        Keys(SESSION_ARN).sign({})


@pytest.mark.parametrize("value", [NEEDLE, [NEEDLE], None, 17, f"{NEEDLE * 8}\ud800", {"key": NEEDLE}])
@pytest.mark.parametrize("name", ["signing_key", "key"])
def test_a_signing_key_of_another_shape_is_reported_without_its_value(
    secrets_manager: SecretsManager, name: str, value: object
) -> None:
    """The same of the keys that sign sessions."""
    secrets_manager.put(SESSION_ARN, {name: value})
    with pytest.raises(SecretUnavailableError, match="signing_key") as caught:
        Keys(SESSION_ARN).sign({})

    assert NEEDLE not in str(caught.value)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_session_secret_of_another_shape_is_reported_without_its_value(
    secrets_manager: SecretsManager, shape: str
) -> None:
    """The same, whatever lies in their secret."""
    secrets_manager.put(SESSION_ARN, SHAPES[shape])
    with pytest.raises(SecretUnavailableError, match=SESSION_ARN) as caught:
        Keys(SESSION_ARN).sign({})

    assert NEEDLE not in "".join(traceback.format_exception(caught.value))


def replace_key(service: SecretsManager) -> None:
    """Put a new version, as rotation does: the current one becomes the previous one."""
    for _, stages in service.secrets[SESSION_ARN].values():
        stages.discard("AWSPREVIOUS")
        if "AWSCURRENT" in stages:
            stages.add("AWSPREVIOUS")
    service.put(SESSION_ARN, {"signing_key": uuid.uuid4().hex * 2})


def test_no_link_while_the_database_is_away(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for a link while the database is away gets problem details, as every program does."""

    def away(*_: object) -> None:
        raise DatabaseUnavailableError("the database went away")

    monkeypatch.setattr(Database, "run", away)
    response = client.post("/api/sessions", environ_base=signed(IDENTITY))

    assert (503, "application/problem+json") == (response.status_code, response.content_type)
