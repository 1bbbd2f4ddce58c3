"""When an environment was deployed last, as the laptop's GitHub records it."""

from collections.abc import Iterator
from http import HTTPStatus

import pytest

from pipeline.plan import history
from sandbox.github import permissions
from sandbox.github.api import Api
from sandbox.github.event import Repository
from sandbox.loopback import Reply

TIMES = {"waiting": "10:00:00", "in_progress": "10:01:00", "success": "10:05:10", "inactive": "11:00:00"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """GitHub's API, whose token may read, as a fork's too."""
    made = Api(Repository("acme", "ledger"))
    made.start()
    made.admit("t", lambda ends: dict.fromkeys(permissions.SCOPES, "read"))
    monkeypatch.setenv("GITHUB_API_URL", made.url)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/ledger")
    monkeypatch.setenv("GITHUB_TOKEN", "t")
    yield made
    made.stop()


def deployed(hub: Api, environment: str, commit: str, *states: str) -> None:
    """A deployment that went through these states, each at its time."""
    number = hub.records.deployment(environment, "main", commit, "alice")
    for state in states:
        hub.records.deployment_status(number, state)
    for status in hub.records.statuses[number]:
        status["created_at"] = f"2026-11-27T{TIMES.get(status['state'], '12:00:00')}Z"


def test_the_last_that_succeeded_is_told(hub: Api) -> None:
    """Whether it serves still or not; of later ones that failed nothing, nor of other environments."""
    deployed(hub, "dev", "a" * 40, "in_progress", "success", "inactive")
    deployed(hub, "dev", "b" * 40, "in_progress", "failure")
    deployed(hub, "prod", "c" * 40, "in_progress")
    found = history.last(["dev", "prod", "other"])

    assert {"dev": ("a" * 40, "2026-11-27T10:05:10+00:00", 250)} == {
        name: (one.commit, one.at.isoformat(), one.seconds) for name, one in found.items()
    }


def test_without_a_start_nobody_knows_how_long(hub: Api) -> None:
    """A deployment that somebody else recorded."""
    deployed(hub, "dev", "a" * 40, "success")

    assert [None] == [one.seconds for one in history.last(["dev"]).values()]


def test_who_may_not_ask_says_nothing(hub: Api, capfd: pytest.CaptureFixture[str]) -> None:
    """A token without the right, and no token."""
    deployed(hub, "dev", "a" * 40, "success")
    hub.admit("t", lambda ends: dict.fromkeys(permissions.SCOPES, "none"))
    refused = history.last(["dev"])
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GITHUB_TOKEN")
        nobody = history.last(["dev"])

    assert ({}, {}, "") == (refused, nobody, "".join(capfd.readouterr()))


@pytest.mark.parametrize(
    "answer", [{"message": "no"}, [{"id": "x"}], [{"no": "id"}], ["text"], {"id": 1}], ids=str
)
def test_an_odd_answer_stops_no_plan(hub: Api, answer: object, capfd: pytest.CaptureFixture[str]) -> None:
    """What isn't as documented is told, and left out."""
    hub.faults = [Reply(HTTPStatus.OK, answer)]

    assert {} == history.last(["dev"])
    assert "doesn't say when an environment was deployed last" in "".join(capfd.readouterr())
