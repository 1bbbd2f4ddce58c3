"""One emulator for all tests of its mends; each test uses names of its own."""

import json
from collections.abc import Iterator

import pytest

from sandbox.aws import Aws
from sandbox.oidc import Issuer
from tests.sandbox.emulator.cloud import Cloud
from tests.sandbox.shop import shop


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running emulator, and the issuer that it trusts."""
    folder = tmp_path_factory.mktemp("aws")
    issuer = Issuer(folder)
    jwks = folder / "jwks.json"
    jwks.write_text(json.dumps(issuer.jwks()))
    aws = Aws(folder, jwks, accounts=shop(folder / "shop"))
    try:
        aws.start()
        yield Cloud(aws, issuer)
    finally:
        aws.stop()
