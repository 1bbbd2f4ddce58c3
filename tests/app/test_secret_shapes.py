"""A third party's secret: a plain text or JSON of other names, kept and refreshed like the database's."""

import json
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from app import log
from app.secret import Secret, members, plain
from app.secrets_manager import SecretUnavailableError
from tests.app.test_secret import ARN
from tests.secrets_manager import NEEDLE, SHAPES, SecretsManager
from tests.waiting import Clock

PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n-----END KEY-----"


@pytest.mark.parametrize(
    ("parse", "value", "expected"),
    [
        (plain, "what-they-gave-us", "what-they-gave-us"),
        (plain, "what-they-gave-us\n", "what-they-gave-us"),
        (plain, f"{PEM}\r\n", PEM),
        (plain, '{"api_key": "whole"}', '{"api_key": "whole"}'),
        (members("api_key"), {"api_key": "abcdefgh"}, {"api_key": "abcdefgh"}),
        (
            members("api_key", "webhook_secret"),
            {"api_key": "abcdefgh", "webhook_secret": "ijklmnop", "account": 17},
            {"api_key": "abcdefgh", "webhook_secret": "ijklmnop"},
        ),
    ],
)
def test_a_secret_of_another_shape_is_read(
    secrets_manager: SecretsManager, parse: Callable[[str, str], Any], value: Any, expected: object
) -> None:
    """What the application names is what it gets."""
    secrets_manager.put(ARN, value)

    assert expected == Secret(ARN, parse).get()


@pytest.mark.parametrize("parse", [plain, members("api_key")], ids=["plain", "members"])
def test_it_is_kept_and_refreshed(secrets_manager: SecretsManager, parse: Callable[[str, str], Any]) -> None:
    """Once for its lifetime, anew after it, and at once when the provider refuses it: by whoever comes first."""
    clock = Clock()
    secret = Secret(ARN, parse, clock=clock)
    secrets_manager.put(ARN, {"api_key": "first-key"})
    first = [secret.get(), secret.get()]
    secrets_manager.put(ARN, {"api_key": "second-key"})
    second = [secret.refresh(first[0]), secret.refresh(first[0]), secret.get()]
    secrets_manager.put(ARN, {"api_key": "third-key"})
    clock.now += 300
    third = secret.get()

    assert first[0] == first[1]
    assert second[0] == second[1] == second[2] != first[0]
    assert third not in (*first, *second)
    assert ["GetSecretValue"] * 3 == secrets_manager.calls


@pytest.mark.parametrize("shape", SHAPES)
def test_json_without_the_name_is_reported_without_its_value(
    secrets_manager: SecretsManager, shape: str
) -> None:
    """Whatever lies there: one error that names the secret and what it lacks, and quotes nothing."""
    secrets_manager.put(ARN, SHAPES[shape])
    with pytest.raises(SecretUnavailableError, match=ARN) as caught:
        Secret(ARN, members("api_key")).get()

    assert NEEDLE not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("value", ["", "\n", f"{NEEDLE}\0", f"{NEEDLE}\ud800", NEEDLE.encode(), None])
def test_no_text_is_reported_without_its_value(
    secrets_manager: SecretsManager, value: str | bytes | None
) -> None:
    """A secret that nobody filled yet, for one."""
    secrets_manager.put(ARN, value)
    with pytest.raises(SecretUnavailableError, match=ARN) as caught:
        Secret(ARN, plain).get()

    assert NEEDLE not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("value", ["", None, 17, True, ["abcdefgh"], {"key": "abcdefgh"}])
def test_a_member_that_is_no_text_is_named(secrets_manager: SecretsManager, value: object) -> None:
    """The others are not."""
    secrets_manager.put(ARN, {"api_key": value, "webhook_secret": "ijklmnop"})

    with pytest.raises(SecretUnavailableError, match="a text for 'api_key';"):
        Secret(ARN, members("api_key", "webhook_secret")).get()


@pytest.mark.parametrize(
    ("parse", "text"),
    [(plain, "hunter3-is-the-key\n"), (members("one"), json.dumps({"one": "hunter3-is-the-key"}))],
    ids=["plain", "members"],
)
def test_what_was_read_is_masked(parse: Callable[[str, str], Any], text: str) -> None:
    """In every line of the log from then on."""
    parse(text, ARN)

    assert "Bearer ***" == log.masked("Bearer hunter3-is-the-key")
