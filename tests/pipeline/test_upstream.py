"""What the environment before ran, as its bucket notes it."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.delivery import deployment, store
from pipeline.delivery.deployment import Deployment
from pipeline.evidence import upstream
from tests.pipeline.bundles import Repository, make
from tests.pipeline.cloud import Cloud, environment
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
    return deployment.begin(cloud, environment(**changes), made, "ada")


def note(cloud: Cloud, commit: str, at: str) -> None:
    """Note that dev ran a commit."""
    content = {"schema": 1, "environment": "dev", "commit": commit, "bundle": "b" * 64, "release": "d" * 64}
    cloud.objects[SOURCE, f"commits/{commit}.json"] = json.dumps({**content, "deployed_at": at}).encode()


def test_what_was_noted_is_told_in_the_order_of_time(
    cloud: Cloud, repository: Repository, tmp_path: Path
) -> None:
    """A commit that was put back later comes later; one that never ran isn't there."""
    first, _, third = reversed(repository.git("rev-list", "HEAD").split())
    note(cloud, first, "2026-03-02T12:00:00Z")
    note(cloud, third, "2026-03-01T12:00:00Z")
    found = upstream.deployments(
        under_way(cloud, repository, tmp_path, promote_from="dev"), repository.folder
    )

    assert [(third, "dev", "2026-03-01T12:00:00Z"), (first, "dev", "2026-03-02T12:00:00Z")] == [
        (one.commit, one.environment, one.finished_at) for one in found
    ]
    assert len({one.id for one in found}) == 2


def test_the_first_environment_has_none_before_it(
    cloud: Cloud, repository: Repository, tmp_path: Path
) -> None:
    """Its own deployments are recorded as they happen."""
    note(cloud, repository.first, "2026-03-02T12:00:00Z")

    assert [] == upstream.deployments(under_way(cloud, repository, tmp_path), repository.folder)


def test_a_note_of_an_earlier_form_is_left_out(cloud: Cloud, repository: Repository, tmp_path: Path) -> None:
    """Without its time it says nothing for a ledger; what can't be read holds nothing up."""
    cloud.objects[SOURCE, f"commits/{repository.first}.json"] = b"{}"

    found = upstream.deployments(
        under_way(cloud, repository, tmp_path, promote_from="dev"), repository.folder
    )
    assert [] == found
