"""pipeline status: every environment, as far as it can be asked."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.delivery import store
from pipeline.delivery.bundle import Bundle
from pipeline.evidence import notes, served
from pipeline.evidence.served import Served
from pipeline.release import decisions, drift, status
from pipeline.source import samconfig
from tests.pipeline import statements
from tests.pipeline.bundles import Repository, make
from tests.pipeline.cloud import URL, Cloud, environment
from tests.sandbox.shop import written


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository(tmp_path / "clone")
    written(made.folder, "esclusa")
    monkeypatch.chdir(made.folder)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return made


def show(cloud: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any, *words: str, status: int = 0) -> Any:
    monkeypatch.setattr("pipeline.delivery.aws.session", lambda *_: cloud)
    monkeypatch.setattr(drift, "find", lambda *_: [])
    assert status == cli.main(["status", "--format", "json", *words])
    return {one["environment"]: one for one in json.loads(capsys.readouterr().out)["environments"]}


def note(cloud: Any, repository: Repository, since: str) -> None:
    """Note that dev serves the first commit."""
    dev = samconfig.read(repository.folder, "dev")
    served.note(cloud, dev, Served(repository.first, "a" * 64, "b" * 64, None, since, URL))


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
    since = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=3, minutes=1)).isoformat(timespec="milliseconds")
    note(cloud, repository, since.replace("+00:00", "Z"))
    monkeypatch.setattr("pipeline.release.promote.obstacle", lambda *_: "")
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


def test_what_was_withdrawn_and_still_serves_is_shown(
    cloud: Any, repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """With who did it, when and why: in JSON, and in a line of its own; and it is not ready for prod."""
    cloud.status = "UPDATE_COMPLETE"
    cloud.parameters = {"Commit": repository.first, "BundleDigest": "a" * 64, "ReleaseDigest": "b" * 64}
    dev = samconfig.read(repository.folder, "dev")
    content = {"version": "v1", "by": "ada", "at": "2026-03-01T12:00:00Z", "reason": "loses\nmail"}
    raw = notes.sign(cloud, dev, "withdrawn", {"manifest.json": "a" * 64}, content)
    cloud.objects[dev.evidence_bucket, f"withdrawals/{'a' * 64}.json"] = raw
    expected = "by ada at 2026-03-01T12:00:00Z: loses mail"

    assert expected == show(cloud, monkeypatch, capsys, "dev")["dev"]["withdrawn"]
    assert 0 == cli.main(["status", "dev"])
    assert f"  withdrawn {expected}\n" in capsys.readouterr().out


@pytest.mark.parametrize("raw", [b"{}", b"x", None])
def test_since_when_it_serves_is_shown_when_that_is_signed(
    cloud: Any, repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: Any, raw: bytes | None
) -> None:
    """A record from before records were signed says nothing, and stops nothing."""
    cloud.status = "UPDATE_COMPLETE"
    cloud.parameters = {"Commit": repository.first, "BundleDigest": "a" * 64, "ReleaseDigest": "b" * 64}
    if raw is not None:
        dev = samconfig.read(repository.folder, "dev")
        cloud.objects[dev.bucket, f"commits/{repository.first}.json"] = raw
    row = show(cloud, monkeypatch, capsys, "dev")["dev"]

    assert ("-", "-", True) == (row["age"], row["soak"], row["asked"])


def test_a_freeze_is_shown(
    cloud: Cloud, repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Also of an account that can't be asked: it stands in git."""
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    times = {"begins": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "until": until}
    text = decisions.written("freeze", {"environment": "prod", **times, "reason": "audit", "owner": "sec"})
    repository.commit("freeze", {"policies/freezes.toml": text})

    assert "audit" in show(cloud, monkeypatch, capsys, "prod", status=2)["prod"]["frozen"]


def test_nothing_deployed_is_shown_as_such(
    cloud: Cloud, repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """An account before its first deployment."""
    assert "ABSENT" == show(cloud, monkeypatch, capsys, "dev")["dev"]["state"]


NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
DEV, PROD = environment(), environment(name="prod", promote_from="dev", soak_minutes=90)


def soak(cloud: Any, where: Any, digest: str, minutes: int) -> str:
    since = NOW - dt.timedelta(minutes=minutes)
    return status._soak(cloud, where, {"dev": DEV, "prod": PROD}, digest, since, NOW)


@pytest.fixture
def made(cloud: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A bundle that dev runs, and signed as one that may be promoted."""
    for name, value in statements.GITHUB.items():
        monkeypatch.setenv(name, value)
    made = make(tmp_path / "made", "c" * 40, sbom=b'{"bomFormat": "CycloneDX"}')
    store.put(cloud, DEV.bucket, made)
    statements.publish(cloud, DEV, made, tmp_path / "reports")
    return made


def test_the_soak_that_is_left_is_shown(cloud: Any, made: Bundle) -> None:
    """In the environment that is promoted from."""
    assert "1 h 20 min until prod" == soak(cloud, DEV, made.digest, 10)
    assert "ready for prod" == soak(cloud, DEV, made.digest, 90)
    assert "-" == soak(cloud, PROD, made.digest, 0)


def test_what_can_not_be_promoted_is_never_ready(cloud: Any, made: Bundle, tmp_path: Path) -> None:
    """However long it runs: without a statement, with failed checks, withdrawn, of another branch, or gone."""
    kept = dict(cloud.objects)
    del cloud.objects[DEV.bucket, f"bundles/{made.digest}/attestations/policy.json"]
    said = [soak(cloud, DEV, made.digest, 900)]
    statements.publish(cloud, DEV, made, tmp_path / "failed", test="failed")
    said.append(soak(cloud, DEV, made.digest, 900))
    cloud.objects = dict(kept)
    content = {"version": "v1", "by": "ada", "at": "2026-03-01T12:00:00Z", "reason": "x"}
    raw = notes.sign(cloud, DEV, "withdrawn", {"manifest.json": made.digest}, content)
    cloud.objects[DEV.evidence_bucket, f"withdrawals/{made.digest}.json"] = raw
    said.append(soak(cloud, DEV, made.digest, 900))
    said.append(soak(cloud, DEV, "f" * 64, 900))

    assert all(one.startswith("not for prod: ") for one in said)
    assert ["policy", "FAILED", "withdrawn", "no bundle"] == [
        word
        for word, one in zip(("policy", "FAILED", "withdrawn", "no bundle"), said, strict=True)
        if word in one
    ]


def test_a_malformed_profile_is_a_usage_error(repository: Repository, capsys: Any) -> None:
    """Exit status 2, with an example."""
    assert 2 == cli.main(["status", "--profile", "prod"])
    assert "ENV=NAME" in capsys.readouterr().err
