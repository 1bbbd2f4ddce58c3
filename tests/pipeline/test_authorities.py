"""A database of Amazon RDS is verified by an authority that the code brings along: told before anything changes."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.errors import GateError
from pipeline.base.run import CHECKOUT
from pipeline.delivery import deployment, store
from pipeline.release import deploy
from tests.pipeline.bundles import TEMPLATE, Repository, make
from tests.pipeline.cloud import Cloud, environment

RDS = (CHECKOUT / "app/rds.pem").read_text(encoding="utf-8")
INSTANCE = "dev.abcdefghijkl.eu-west-1.rds.amazonaws.com"
VERIFIED = TEMPLATE.replace("HOST: !Ref DatabaseHost", "HOST: !Ref DatabaseHost, TLS: verify-full")


def code(**files: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/") + ".pem", text)
    return made.getvalue()


def only(*names: str) -> str:
    """The certificates of rds.pem whose name begins with one of these."""
    parts = RDS.split("\n# ")
    return "\n".join(part for part in parts if part.startswith(names))


def put(cloud: Any, folder: Path, commit: str, host: str, app: bytes, template: str = VERIFIED) -> None:
    cloud.ssm["/esclusa/dev/database/host"] = host
    made = make(folder / "made", commit, template=template.encode(), app=app)
    store.put(cloud, "dev-artifacts", made)
    deploy.deploy(deployment.begin(cloud, environment(), made, "ada"))


@pytest.mark.parametrize(
    ("host", "app"),
    [
        (INSTANCE, code(app__rds=RDS)),
        (INSTANCE, code(app__certificates=only("Amazon RDS eu-west-1 "))),
        ("shop.cluster-abc.eu-west-1.rds.amazonaws.com", code(app__rds=RDS)),
        ("p.proxy-abc.eu-west-1.rds.amazonaws.com", code(app__rds=only("Amazon Root CA 1,"))),
        ("db.example.com", code()),
        ("rds.amazonaws.com.example.com", code()),
    ],
)
def test_a_host_that_can_be_verified_is_deployed_to(
    cloud: Cloud, repository: Repository, tmp_path: Path, host: str, app: bytes
) -> None:
    """An instance or a cluster by its region's authority, a proxy by Amazon's, any other host by whom it likes."""
    put(cloud, tmp_path, repository.first, host, app)

    assert 1 == cloud.updates


@pytest.mark.parametrize(
    ("host", "app"),
    [
        (INSTANCE, code()),
        (INSTANCE, code(certifi__cacert=RDS)),
        (INSTANCE, code(app__rds=only("Amazon RDS eu-west-2 ", "Amazon Root CA "))),
        (
            INSTANCE,
            code(app__rds="-----BEGIN CERTIFICATE-----\nAmazon RDS eu-west-1\n-----END CERTIFICATE-----"),
        ),
        (INSTANCE.upper(), code()),
        ("a.b.mx-central-1.rds.amazonaws.com", code(app__rds=RDS)),
        ("p.proxy-abc.eu-west-1.rds.amazonaws.com", code(app__rds=only("Amazon RDS eu-west-1 "))),
    ],
)
def test_a_host_that_nothing_here_could_verify_is_refused(
    cloud: Cloud, repository: Repository, tmp_path: Path, host: str, app: bytes
) -> None:
    """Before a change set is made: else it ends in the migration of a stack that has to be deleted."""
    with pytest.raises(
        GateError, match=r"AppFunction is to verify the database .* no certificate of Amazon"
    ) as told:
        put(cloud, tmp_path, repository.first, host, app)

    assert "certificates.pem" in told.value.hint
    assert 0 == cloud.updates


def test_a_function_that_verifies_nothing_is_not_asked(
    cloud: Cloud, repository: Repository, tmp_path: Path
) -> None:
    """Whether it should is another rule's question."""
    put(cloud, tmp_path, repository.first, INSTANCE, code(), TEMPLATE)

    assert 1 == cloud.updates
