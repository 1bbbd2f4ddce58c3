"""What the environment before ran, as its bucket notes it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.delivery import deployment, store
from pipeline.delivery.deployment import Deployment
from pipeline.evidence import records, served, upstream
from pipeline.evidence.served import Served
from pipeline.release import deploy
from pipeline.source import samconfig
from tests.pipeline.bundles import Repository, make
from tests.pipeline.cloud import URL, Cloud, environment
from tests.sandbox.shop import written

SOURCE = "esclusa-dev-artifacts-111111111111"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository of three commits."""
    made = Repository(tmp_path / "clone")
    written(made.folder, "esclusa")
    for message in ("second", "third"):
        made.commit(message)
    monkeypatch.chdir(made.folder)
    return made


def under_way(cloud: Any, repository: Repository, tmp_path: Path, **changes: Any) -> Deployment:
    """A deployment of the first commit."""
    made = make(tmp_path / "made", repository.first)
    store.put(cloud, "dev-artifacts", made)
    der = cloud.get_public_key()["PublicKey"]
    cloud.ssm["/esclusa/dev/promotion-key"] = base64.b64encode(der).decode()
    return deployment.begin(cloud, environment(repository=repository.folder, **changes), made, "ada")


def note(cloud: Any, commit: str, at: str) -> None:
    """Note that dev ran a commit."""
    source = samconfig.read(Path.cwd(), "dev")
    served.note(cloud, source, Served(commit, "b" * 64, "d" * 64, None, at, URL))


def test_what_was_noted_is_told_in_the_order_of_time(
    cloud: Cloud, repository: Repository, tmp_path: Path
) -> None:
    """A commit that was put back later comes later; one that never ran isn't there."""
    first, _, third = reversed(repository.git("rev-list", "HEAD").split())
    note(cloud, first, "2026-03-02T12:00:00Z")
    note(cloud, third, "2026-03-01T12:00:00Z")
    found = upstream.deployments(under_way(cloud, repository, tmp_path, promote_from="dev"))

    assert [(third, "dev", "2026-03-01T12:00:00Z"), (first, "dev", "2026-03-02T12:00:00Z")] == [
        (one.commit, one.environment, one.finished_at) for one in found
    ]
    assert len({one.id for one in found}) == 2


def test_the_first_environment_has_none_before_it(
    cloud: Cloud, repository: Repository, tmp_path: Path
) -> None:
    """Its own deployments are recorded as they happen."""
    note(cloud, repository.first, "2026-03-02T12:00:00Z")

    assert [] == upstream.deployments(under_way(cloud, repository, tmp_path))


@pytest.mark.parametrize("at", ["yesterday", "2026-03-01", "", "2026-03-01T12:00:00+25:00"])
def test_one_bad_note_takes_none_of_the_others_with_it(
    cloud: Any, repository: Repository, tmp_path: Path, at: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Signed or not, it is told of and left out; what is well is told to the ledger."""
    _, second, third = reversed(repository.git("rev-list", "HEAD").split())
    note(cloud, third, "2026-03-01T12:00:00Z")
    note(cloud, second, at)
    content = {
        "schema": 1,
        "environment": "dev",
        "commit": repository.first,
        "bundle": "b" * 64,
        "release": "d" * 64,
    }
    unsigned = json.dumps({**content, "deployed_at": "2026-03-02T12:00:00Z"}).encode()
    cloud.objects[SOURCE, f"commits/{repository.first}.json"] = unsigned
    going = under_way(cloud, repository, tmp_path, promote_from="dev")

    assert [third] == [one.commit for one in upstream.deployments(going)]
    said = capsys.readouterr().err
    assert f"commits/{second}.json in {SOURCE} is signed, but its deployed_at is {at!r}" in said
    assert f"commits/{repository.first}.json in {SOURCE} is not a signed statement" in said


def test_a_ledger_that_refuses_one_record_is_told_the_others(
    cloud: Any, repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each on its own: an earlier one that can't be taken holds up no release."""
    going = under_way(cloud, repository, tmp_path)
    deploy.deploy(going)
    cloud.answers["/api/evidence"] = (422, {"title": "no"})
    told = [("/api/evidence", {"id": "1"}), ("/api/waivers", {"id": "2"}), ("/api/reports", {"id": "3"})]
    records.tell(going, told)

    assert {"2", "3"} <= cloud.ledger.keys()
    assert "1" not in cloud.ledger
    assert "The ledger answered 422 to /api/evidence" in capsys.readouterr().err
