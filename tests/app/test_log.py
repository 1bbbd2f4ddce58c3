"""The log: a JSON object a line, with the request's id and its metrics, and without what must not be there."""

import html
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from app import log


@pytest.fixture
def lines(offline: FlaskClient, capsys: pytest.CaptureFixture[str]) -> Any:
    """What is logged of one request."""

    def ask(path: str, **more: Any) -> dict[str, Any]:
        capsys.readouterr()
        offline.get(path, **more)
        return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))

    return ask


def test_a_request_is_one_line_with_its_id(lines: Any) -> None:
    """The id is Lambda's own, which the client hears too."""
    context = type("Context", (), {"aws_request_id": "an-id"})
    line = lines("/health", environ_base={"aws.context": context})

    assert ("request", "an-id", "GET", "/health", 200) == tuple(
        line[name] for name in ("message", "request_id", "method", "route", "status")
    )


def test_nothing_personal_is_logged(lines: Any) -> None:
    """Neither address nor query, header or unknown path: any of them may name a person."""
    line = lines(
        "/mallory@example.com?name=mallory",
        headers={"User-Agent": "mallory"},
        environ_base={"REMOTE_ADDR": "192.0.2.1"},
    )

    assert "mallory" not in json.dumps(line)
    assert "192.0.2.1" not in json.dumps(line)
    assert (404, "none") == (line["status"], line["route"])


@pytest.mark.parametrize(("path", "errors"), [("/health", 0.0), ("/ready", 1.0)])
def test_a_request_is_measured(lines: Any, path: str, errors: float) -> None:
    """Time and errors in CloudWatch's embedded metric format: what it names stands beside it."""
    line = lines(path)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    named = {one["Name"]: one["Unit"] for one in directive["Metrics"]}

    assert {"milliseconds": "Milliseconds", "errors": "Count"} == named
    assert [["environment", "route"]] == directive["Dimensions"]
    assert ("dev", path, errors) == tuple(line[name] for name in ("environment", "route", "errors"))
    assert isinstance(line["_aws"]["Timestamp"], int)


@pytest.fixture
def unmasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that knows no secret yet, and that afterwards knows none of this test's."""
    monkeypatch.setattr(log, "_secrets", {})
    monkeypatch.setattr(log, "_any_secret", re.compile("(?!)"))


ODD = {
    "plain": "quagga-zebu-okapi",
    "quotes": """qua'gga "zebu" oka'pi""",
    "backslashes": r"quagga\zebu\\okapi\nyak",
    "a backslash last": "quagga-zebu\\",
    "a backslash before a quote": r"quagga\"zebu\'",
    "line ends": "quagga zebu\nokapi\r\nyaks\tgnus",
    "no ASCII": "quägga-zebü-日本-\N{GRINNING FACE}",
    "marks of HTML and URLs": "<quagga&zebu>%20+?=#/okapi",
    "an escape of a URL": "quagga%5Czebu%22okapi",
    "digits": "4711081512345678",
    "blanks around": "  quagga zebu \n",
}
WAYS: dict[str, Callable[[str], str]] = {
    "itself": lambda value: value,
    "JSON": json.dumps,
    "JSON, letters as they are": lambda value: json.dumps(value, ensure_ascii=False),
    "JSON in JSON": lambda value: json.dumps({"body": json.dumps({"password": value})}),
    "JSON in JSON in JSON": lambda value: json.dumps(json.dumps([json.dumps(value)], ensure_ascii=False)),
    "repr": repr,
    "repr of bytes": lambda value: repr(value.encode()),
    "repr in JSON": lambda value: json.dumps(repr({"password": value})),
    "ascii": ascii,
    "URL": lambda value: quote(value, safe=""),
    "URL, lower case": lambda value: quote(value, safe="").replace("%E", "%e").replace("%C", "%c"),
    "form": quote_plus,
    "URL in a URL": lambda value: quote(quote(value, safe=""), safe=""),
    "JSON in a URL": lambda value: quote(json.dumps(value), safe=""),
    "HTML": html.escape,
    "HTML in JSON": lambda value: json.dumps(html.escape(value)),
    "SQL": lambda value: "'" + value.replace("'", "''") + "'",
    "one line": lambda value: " ".join(value.split()),
}


def fail(text: str) -> None:
    """Raise an error within a group, whose traceback has a margin."""
    raise ExceptionGroup("several", [ValueError(text)])


def core(secret: str) -> set[str]:
    """The words of a secret, none of which stands anywhere else."""
    return set(re.findall(r"[^\W_]{4,}", secret))


@pytest.mark.usefixtures("unmasked")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ODD)
def test_a_secret_is_masked_in_whatever_way_it_is_written(
    capsys: pytest.CaptureFixture[str], kind: str, way: str
) -> None:
    """In the message, in a field and in what fields hold, in keys, in a traceback: one line of JSON, without it."""
    secret = ODD[kind]
    log.mask(secret)
    log.configure("INFO")
    text = f"before {WAYS[way](secret)} after"
    try:
        fail(text)
    except ExceptionGroup as error:
        fields = {"reason": text, "tried": [{"with": {text: (text,)}}], "error": ValueError(text)}
        log.logger.error(text, exc_info=error, extra={"fields": fields})
    line = json.loads(capsys.readouterr().out)
    ((key, (inner,)),) = line["tried"][0]["with"].items()

    for written in (line["message"], line["reason"], key, inner, line["error"], line["exception"]):
        assert "***" in written
        assert "before" in written
        assert "after" in written
        assert not {word for word in core(secret) if word in written}


@pytest.mark.slow
@pytest.mark.usefixtures("unmasked")
@settings(deadline=None, max_examples=100)
@given(
    st.text(min_size=8, max_size=30).filter(lambda value: len(value.strip()) >= 8 and value.isprintable()),
    st.sampled_from(sorted(WAYS)),
)
def test_any_secret_is_masked(secret: str, way: str) -> None:
    """Of a text that holds nothing but the secret, in whatever way, nothing is left."""
    log.mask(secret)
    written = log.masked(f"[[{WAYS[way](secret)}]]")

    assert "***" in written
    assert secret not in written


@pytest.mark.usefixtures("unmasked")
@pytest.mark.parametrize(
    ("secret", "text", "expected"),
    [
        # As a word, not as a part of one.
        ("health", "unhealthy: health-check", "unhealthy: ***-check"),
        ("pass", "password=pass;", "password=***;"),
        ("1234", "pin 1234 of 12345", "pin *** of 12345"),
        ("$ab$", "x$ab$y", "x***y"),
        ("pässe", "die pässe, verpässe", "die ***, verpässe"),
        # As a value only.
        (
            "a",
            "a user can't get a=a, 'a' or \"a\" at a:a@host",
            "a user can't get a=***, '***' or \"***\" at a:***@host",
        ),
        ("on", "connection on, mode: on", "connection on, mode: ***"),
        ("42", "42 of 420 at 4.2, code=42", "42 of 420 at 4.2, code=***"),
        ("abc", "abc", "***"),
        ("abc", '{\\"password\\": \\"abc\\"}', '{\\"password\\": \\"***\\"}'),
        ("é1", "café1 'é1'", "café1 '***'"),
        # An escape is no part of a word.
        ("pass", "q=%22pass%22 \\npass", "q=%22***%22 \\n***"),
        # Nothing but blanks, or nothing, is no secret.
        ("", "all stays", "all stays"),
        ("   \n", "a  b \n c", "a  b \n c"),
    ],
)
def test_a_short_secret_leaves_ordinary_words(secret: str, text: str, expected: str) -> None:
    """A short secret is masked where it stands as a word or as a value; other text stays readable."""
    log.mask(secret)

    assert expected == log.masked(text)


@pytest.mark.usefixtures("unmasked")
@pytest.mark.parametrize("secret", ["200", "GET", "status", "INFO", "Count", "/health"])
def test_a_secret_like_a_line_s_own_words_leaves_its_shape(lines: Any, secret: str) -> None:
    """The line keeps its names, its numbers and its metrics, by which it is found and counted."""
    log.mask(secret)
    line = lines("/health")

    assert {"time", "level", "message", "request_id", "status", "route", "_aws", "milliseconds"} <= set(line)
    assert (200, "INFO", "Count") == (
        line["status"],
        line["level"],
        line["_aws"]["CloudWatchMetrics"][0]["Metrics"][1]["Unit"],
    )


@pytest.mark.usefixtures("unmasked")
def test_a_secret_that_begins_another_leaves_no_end() -> None:
    """The longer one is looked for first, in whatever order they were told."""
    for secret in ("first-secret", "first-secret-and-its-end", "and-its"):
        log.mask(secret)

    assert "*** ***" == log.masked("first-secret-and-its-end first-secret")


@pytest.mark.usefixtures("unmasked")
def test_a_line_of_a_long_secret_is_masked_by_itself() -> None:
    """A key of many lines may be written line by line, or cut off."""
    log.mask("-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----")

    assert "*** and ***" == log.masked("MIIEvQIBADANBgkq and hkiG9w0BAQEFAASC")


@pytest.mark.usefixtures("unmasked")
@pytest.mark.parametrize(
    "text", ["\\" * 20_000, "%5C" * 7_000, "\\u0022" * 4_000, '"' * 20_000, " |+" * 7_000]
)
def test_masking_takes_no_time(text: str) -> None:
    """A text that almost holds a secret again and again is masked in a time that nobody notices."""
    for secret in (r'\\"a" \\ "b"\\', 'a "quoted\\ secret" of blanks', "\\\\\\\\\\\\\\\\x"):
        log.mask(secret)
    begun = time.perf_counter()
    log.masked(text)

    assert 5.0 > time.perf_counter() - begun


def test_a_number_with_a_secret_s_digits_is_masked(
    unmasked: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A password of digits may be logged as the number that it looks like; a count stays a count."""
    log.mask("4711081512345678")
    log.configure("INFO")
    log.logger.info("pin", extra={"fields": {"pin": 4711081512345678, "count": 4711, "ok": True, "no": None}})
    line = json.loads(capsys.readouterr().out)

    assert ("***", 4711, True, None) == tuple(line[name] for name in ("pin", "count", "ok", "no"))
