"""Flask's sessions: signed with a key that rotates, which nothing reads before it is needed."""

import uuid
from typing import Any

import pytest
from flask import Flask, current_app, flash, session
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer

from app import create_app, secret_key
from app.config import Config
from app.signing import PAUSE_SECONDS, signing_keys
from tests.app.test_config import COMPLETE
from tests.secrets_manager import RefusedError, SecretsManager
from tests.waiting import Clock

ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:session"


def rotate(service: SecretsManager) -> None:
    """Put a new version, as rotation does: the current one becomes the previous one."""
    for _, stages in service.secrets.setdefault(ARN, {}).values():
        stages.discard("AWSPREVIOUS")
        if "AWSCURRENT" in stages:
            stages.add("AWSPREVIOUS")
    service.put(ARN, {"signing_key": uuid.uuid4().hex * 2})


def login(name: str) -> str:
    """Begin a session."""
    session["user"] = name
    return name


def say() -> str:
    """Leave a word for the next page."""
    flash("said")
    return "said"


def views(app: Flask) -> Flask:
    """What uses a session, what looks at one, and what signs by itself."""
    app.add_url_rule("/login/<name>", view_func=login)
    app.add_url_rule("/whoami", "whoami", lambda: session.get("user", "nobody"))
    app.add_url_rule("/flash", view_func=say)
    app.add_url_rule(
        "/signed", "signed", lambda: URLSafeSerializer(str(current_app.secret_key)).dumps("value")
    )
    return app


def platform() -> Flask:
    """A new instance of the application: as another function would be."""
    return views(create_app(Config.from_environ({**COMPLETE, "SESSION_SECRET_ARN": ARN})))


def another() -> Flask:
    """An application of its own."""
    app = Flask("another")
    secret_key.init_app(app, ARN)
    return views(app)


@pytest.fixture(params=[platform, another])
def make(request: pytest.FixtureRequest, secrets_manager: SecretsManager) -> Any:
    """How to make an instance, its secret in place."""
    rotate(secrets_manager)
    return request.param


def cookie_of(client: FlaskClient) -> str:
    """Return the session's cookie."""
    cookie = client.get_cookie("session")
    assert cookie is not None
    return cookie.value


def test_a_session_works(make: Any) -> None:
    """From one request to the next, and from one instance to another."""
    client = make().test_client()
    client.get("/login/ada")
    elsewhere = make().test_client()
    elsewhere.set_cookie("session", cookie_of(client))

    assert ["ada", "ada"] == [client.get("/whoami").text, elsewhere.get("/whoami").text]
    assert "nobody" == make().test_client().get("/whoami").text


def test_a_session_outlives_one_new_key(make: Any, secrets_manager: SecretsManager) -> None:
    """Rotation logs nobody out; what two keys ago signed is no longer accepted."""
    client = make().test_client()
    client.get("/login/ada")
    seen = []
    for _ in range(2):
        rotate(secrets_manager)
        instance = make().test_client()
        instance.set_cookie("session", cookie_of(client))
        seen.append(instance.get("/whoami").text)

    assert ["ada", "nobody"] == seen


def test_the_newest_key_signs(make: Any, secrets_manager: SecretsManager) -> None:
    """What is signed after a rotation outlives the next one."""
    rotate(secrets_manager)
    client = make().test_client()
    client.get("/login/ada")
    rotate(secrets_manager)
    instance = make().test_client()
    instance.set_cookie("session", cookie_of(client))

    assert "ada" == instance.get("/whoami").text


def test_an_instance_that_kept_the_older_key_looks_again(
    make: Any, secrets_manager: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once in a while, not for every invented cookie."""
    clock = Clock()
    monkeypatch.setattr(secret_key, "signing_keys", lambda arn: signing_keys(arn, clock=clock))
    behind = make().test_client()
    behind.get("/login/grace")
    rotate(secrets_manager)
    newer = make().test_client()
    newer.get("/login/ada")
    behind.set_cookie("session", cookie_of(newer))
    before = len(secrets_manager.calls)
    too_soon = [behind.get("/whoami").text for _ in range(3)]
    clock.now += PAUSE_SECONDS
    later = behind.get("/whoami").text
    behind.set_cookie("session", "invented.cookie.value")
    invented = [behind.get("/whoami").text for _ in range(3)]

    assert (["nobody"] * 3, "ada", ["nobody"] * 3) == (too_soon, later, invented)
    assert before + 2 == len(secrets_manager.calls)  # both versions, once


def test_nothing_is_read_before_it_is_needed(make: Any, secrets_manager: SecretsManager) -> None:
    """Neither for a request without a session nor for one that ends without one."""
    app = make()
    client = app.test_client()
    client.get("/whoami")
    client.get("/nothing")

    assert [] == secrets_manager.calls


def test_who_signs_by_itself_has_the_key(make: Any, secrets_manager: SecretsManager) -> None:
    """As extensions do: by `app.secret_key`, or by the settings, before any session."""
    app = make()
    key = secrets_manager.value(ARN)["signing_key"]

    assert URLSafeSerializer(key).dumps("value") == app.test_client().get("/signed").text
    assert [key, key, key] == [app.secret_key, app.config["SECRET_KEY"], app.config.get("SECRET_KEY")]
    assert [] == app.config["SECRET_KEY_FALLBACKS"]
    assert (None, "x") == (app.config.get("NONE_SUCH"), app.config.get("NONE_SUCH", "x"))


def test_a_key_of_the_applications_own_stands(make: Any, secrets_manager: SecretsManager) -> None:
    """Nothing is read then."""
    app = make()
    app.config["SECRET_KEY"] = own = uuid.uuid4().hex
    client = app.test_client()
    client.get("/login/ada")

    assert (own, None, "ada") == (
        app.secret_key,
        app.config["SECRET_KEY_FALLBACKS"],
        client.get("/whoami").text,
    )
    assert [] == secrets_manager.calls


def test_the_cookie_is_kept_from_scripts_and_other_sites(make: Any) -> None:
    """Secure, HttpOnly, SameSite."""
    client = make().test_client()
    client.get("/login/ada")
    cookie = client.get_cookie("session")

    assert (True, True, "Lax") == (cookie.secure, cookie.http_only, cookie.same_site)


@pytest.mark.parametrize("path", ["/whoami", "/login/ada", "/flash"])
def test_no_secret_is_503_for_who_needs_it(secrets_manager: SecretsManager, path: str) -> None:
    """And for nobody else, though the browser sends its cookie to all; afterwards the session is there again."""
    rotate(secrets_manager)
    good = platform().test_client()
    good.get("/login/ada")
    client = platform().test_client()
    client.set_cookie("session", cookie_of(good))
    secrets_manager.failures = [RefusedError(400, "AccessDeniedException")] * 4

    needs, healthy, missing = client.get(path), client.get("/health"), client.get("/nothing")
    secrets_manager.failures = []

    assert [503, 200, 404] == [answer.status_code for answer in (needs, healthy, missing)]
    assert "5" == needs.headers["Retry-After"]
    assert "ada" == client.get("/whoami").text


def test_no_secret_is_503_for_a_first_session(secrets_manager: SecretsManager) -> None:
    """Which is signed at the request's end, after the view."""
    secrets_manager.failures = [RefusedError(400, "AccessDeniedException")] * 4

    answer = platform().test_client().get("/login/ada")

    assert (503, "application/problem+json") == (answer.status_code, answer.content_type)
    assert "Set-Cookie" not in answer.headers
