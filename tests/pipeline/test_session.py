"""The link into the ledger's pages."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from pipeline import cli
from pipeline.base import http
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.commands import ledger as session
from pipeline.delivery import stack
from pipeline.source import samconfig

TOP = Path(__file__).resolve().parents[2]
API = "https://abc.execute-api.eu-west-1.amazonaws.com/live"
ABSENT = stack.Stack("esclusa-dev", "ABSENT", "", {}, {}, {})


def _ask(monkeypatch: pytest.MonkeyPatch, found: stack.Stack, answer: http.Answer) -> tuple[str, int]:
    def request(method: str, url: str, **_words: Any) -> http.Answer:
        assert (method, url) == ("POST", f"{API}/api/sessions")
        return answer

    monkeypatch.setattr(stack, "read", lambda *_words: found)
    monkeypatch.setattr(http, "request", request)
    one, dev = boto3.Session(region_name="eu-west-1"), samconfig.read(TOP, "dev")
    return session.link(one, dev, session.address(one, dev))


def test_the_link_comes_from_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the API answers to a signed request is the link and its seconds."""
    there = replace(ABSENT, status="UPDATE_COMPLETE", outputs={"ApiUrl": API})
    answer = http.Answer(201, {"url": f"{API}/session?token=t", "expires_in": 60}, "")

    assert (f"{API}/session?token=t", 60) == _ask(monkeypatch, there, answer)


@pytest.mark.parametrize(
    ("outputs", "answer", "said"),
    [
        ({}, http.Answer(201, {}, ""), "has no ledger yet"),
        ({"ApiUrl": API}, http.Answer(403, {"message": "Forbidden"}, "Forbidden"), "gave no link: 403"),
        ({"ApiUrl": API}, http.Answer(201, {"url": "javascript:alert(1)"}, ""), "gave no link: 201"),
        ({"ApiUrl": API}, http.Answer(201, None, "not JSON"), "gave no link: 201"),
    ],
)
def test_anything_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, outputs: dict[str, str], answer: http.Answer, said: str
) -> None:
    """Without a stack, a right, or a link that is one, the error says so."""
    with pytest.raises(GateError, match=said):
        _ask(monkeypatch, replace(ABSENT, outputs=outputs), answer)


@pytest.mark.parametrize("action", ["open", "verify"])
def test_an_application_without_a_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """There is nothing to open or verify, which the settings say."""
    text, found = re.subn(
        r"^ledger = (true|false)", "ledger = false", (TOP / "samconfig.toml").read_text(), flags=re.MULTILINE
    )
    assert 1 == found
    (tmp_path / "samconfig.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    args = cli._parse(["ledger", action, "dev"])

    with pytest.raises(ConfigurationError, match="keeps no ledger"):
        session.main(args)
