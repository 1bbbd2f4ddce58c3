"""A first deployment is refused before anything changes where the account can't reserve what the functions ask for."""

from pathlib import Path

import pytest

from pipeline.base.errors import GateError
from pipeline.delivery import deployment, store
from pipeline.release import deploy
from tests.pipeline.bundles import TEMPLATE, Repository, make
from tests.pipeline.cloud import Cloud, environment

RESERVING = TEMPLATE.replace(
    "      AutoPublishAlias: live", "      AutoPublishAlias: live\n      ReservedConcurrentExecutions: 20"
)


def put(cloud: Cloud, folder: Path, commit: str, template: str = RESERVING) -> None:
    made = make(folder, commit, template=template.encode())
    store.put(cloud, "dev-artifacts", made)  # type: ignore[arg-type]
    deploy.deploy(deployment.begin(cloud, environment(), made, "ada"))  # type: ignore[arg-type]


@pytest.mark.parametrize("unreserved", [10, 100, 119])
def test_a_first_deployment_without_room_is_refused(
    cloud: Cloud, repository: Repository, tmp_path: Path, unreserved: int
) -> None:
    """AWS keeps 100 unreserved (Lambda developer guide): with 119 there are 19 for the 20 that are asked for."""
    cloud.unreserved = unreserved
    with pytest.raises(
        GateError, match=f"reserve 20 executions, and the account has {max(0, unreserved - 100)}"
    ) as told:
        put(cloud, tmp_path / "made", repository.first)

    assert "Service Quotas" in told.value.hint
    assert 0 == cloud.updates
    assert "create_change_set" not in cloud.calls


def test_with_room_it_is_deployed(cloud: Cloud, repository: Repository, tmp_path: Path) -> None:
    """To the last execution; what follows holds its own already, and isn't asked."""
    cloud.unreserved = 120
    put(cloud, tmp_path / "first", repository.first)
    cloud.unreserved = 100
    put(cloud, tmp_path / "second", repository.commit("second"))

    assert (2, 1) == (cloud.updates, cloud.calls.count("get_account_settings"))


def test_without_a_reservation_nobody_asks(cloud: Cloud, repository: Repository, tmp_path: Path) -> None:
    """Nothing is needed then, and the account isn't asked for it."""
    cloud.unreserved = 0
    put(cloud, tmp_path / "made", repository.first, TEMPLATE)

    assert (1, 0) == (cloud.updates, cloud.calls.count("get_account_settings"))
