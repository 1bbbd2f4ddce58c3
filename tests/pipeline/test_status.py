"""pipeline status: every environment, as far as it can be asked."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.release import drift, status
from tests.pipeline.bundles import Repository
from tests.pipeline.cloud import Cloud, environment
from tests.sandbox.shop import written


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository(tmp_path / "clone")
    written(made.folder, "esclusa")
    monkeypatch.chdir(made.folder)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return made


def show(cloud: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any, *words: str, status: int = 0) -> Any:
    monkeypatch.setattr("boto3.Session", lambda **_: cloud)
    monkeypatch.setattr(drift, "find", lambda *_: [])
    assert status == cli.main(["status", "--format", "json", *words])
    return {one["environment"]: one for one in json.loads(capsys.readouterr().out)["environments"]}


def test_what_runs_is_shown_with_how_far_behind_it_is(
    cloud: Cloud, repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Version, age, commits ahead on main; and the other account, that these credentials can't ask."""
    repository.tag("v1.0.0")
    repository.tag("v1.0.0-rc.1")
    repository.commit("two")
    repository.commit("three")
    cloud.status = "UPDATE_COMPLETE"
    cloud.parameters = {"Commit": repository.first, "BundleDigest": "a" * 64, "ReleaseDigest": "b" * 64}
    since = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=3, minutes=1)).isoformat()
    record = {"schema": 1, "commit": repository.first, "bundle": "a" * 64, "deployed_at": since}
    cloud.objects["esclusa-dev-artifacts-111111111111", f"commits/{repository.first}.json"] = json.dumps(
        record
    ).encode()
    rows = show(cloud, monkeypatch, capsys, status=2)

    assert ["dev", "prod"] == list(rows)
    assert ("v1.0.0", 2, "3 h 1 min", "ready for prod", "none") == (
        rows["dev"]["version"],
        rows["dev"]["behind"],
        rows["dev"]["age"],
        rows["dev"]["soak"],
        rows["dev"]["drift"],
    )
    assert "can't be asked: The credentials are of account 111111111111" in rows["prod"]["state"]
    assert [True, False] == [one["asked"] for one in rows.values()]
    assert "no" == rows["dev"]["withdrawn"]


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        (
            b'{"by": "ada", "at": "2026-03-01T12:00:00Z", "reason": "loses\\nmail"}',
            "by ada at 2026-03-01T12:00:00Z: loses mail",
        ),
        (b"[]", "by a note that can't be read"),
        (b"{", "by a note that can't be read"),
    ],
)
def test_what_was_withdrawn_and_still_serves_is_shown(
    cloud: Cloud,
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    note: bytes,
    expected: str,
) -> None:
    """With who did it, when and why: in JSON, and in a line of its own."""
    cloud.status = "UPDATE_COMPLETE"
    cloud.parameters = {"Commit": repository.first, "BundleDigest": "a" * 64, "ReleaseDigest": "b" * 64}
    cloud.objects["esclusa-dev-artifacts-111111111111", f"bundles/{'a' * 64}/withdrawn.json"] = note

    assert expected == show(cloud, monkeypatch, capsys, "dev")["dev"]["withdrawn"]
    assert 0 == cli.main(["status", "dev"])
    assert f"  withdrawn {expected}\n" in capsys.readouterr().out


def test_a_freeze_is_shown(
    cloud: Cloud, repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Also of an account that can't be asked: it stands in git."""
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    text = f'[[freeze]]\nenvironment = "prod"\nuntil = {until.isoformat()}\nreason = "audit"\n'
    repository.commit("freeze", {"policies/freezes.toml": text})

    assert "audit" in show(cloud, monkeypatch, capsys, "prod", status=2)["prod"]["frozen"]


def test_nothing_deployed_is_shown_as_such(
    cloud: Cloud, repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """An account before its first deployment."""
    assert "ABSENT" == show(cloud, monkeypatch, capsys, "dev")["dev"]["state"]


def test_the_soak_that_is_left_is_shown() -> None:
    """In the environment that is promoted from."""
    dev, prod = environment(), environment(name="prod", promote_from="dev", soak_minutes=90)
    now = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    every = {"dev": dev, "prod": prod}

    assert "1 h 20 min until prod" == status._soak(dev, every, now - dt.timedelta(minutes=10), now)
    assert "-" == status._soak(prod, every, now, now)


def test_a_malformed_profile_is_a_usage_error(repository: Repository, capsys: Any) -> None:
    """Exit status 2, with an example."""
    assert 2 == cli.main(["status", "--profile", "prod"])
    assert "ENV=NAME" in capsys.readouterr().err
