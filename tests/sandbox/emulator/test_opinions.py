"""moto as a second opinion on what AWS answers: the calls of the pipeline and the functions are made to it as well.

Each difference was looked up, and stands in opinions.toml with its source; one that isn't there fails, and one that is
there and is gone. moto lives in an environment of its own (`make install-moto`), as a server of its own.
"""

import signal
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from pipeline.iam.matching import like
from sandbox import children
from tests.sandbox.emulator import opinions
from tests.sandbox.emulator.cloud import Cloud
from tests.stacks import ROOT

pytestmark = pytest.mark.proof

type Client = Callable[[str], Any]


@dataclass(frozen=True)
class Listed:
    """A difference that was looked up: `right` is who answers as AWS does, `left` why ours stays wrong."""

    where: tuple[str, ...]
    right: str
    why: str
    source: str
    left: str = ""

    def is_at(self, place: str) -> bool:
        """Whether it is about a difference."""
        return any(like(place, one) for one in self.where)


def listed() -> list[Listed]:
    """All that was looked up."""
    found = tomllib.loads(Path(__file__).with_name("opinions.toml").read_text(encoding="utf-8"))["difference"]
    return [Listed(**{**one, "where": tuple(one["where"])}) for one in found]


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Clients of a moto that was just started."""
    python = ROOT / ".tools/moto/bin/python"
    if not python.exists():
        pytest.fail("moto is not installed. Run: make install-moto")
    port, folder = children.free_port(), tmp_path_factory.mktemp("moto")
    log = folder / "log"
    process = children.start(
        [python, "-P", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        log=log,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(folder)},
        death=signal.SIGKILL,
        cwd=folder,
    )
    try:
        children.wait_for_port(port, process, "moto", log)
        yield cache(
            lambda service: boto3.client(
                service,
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name=opinions.REGION,
                aws_access_key_id="a",
                aws_secret_access_key="b",
                config=Config(retries={"mode": "standard", "max_attempts": 1}),
            )
        )
    finally:
        process.kill()
        process.wait()
        process.forget()


@pytest.fixture(scope="module")
def differing(cloud: Cloud, moto: Client) -> dict[str, tuple[Any, Any]]:
    """Where the two answer otherwise, with what ours says and what moto does."""
    ours = opinions.play(cache(cloud.client))
    assert len(ours) > 200
    return opinions.differences(ours, opinions.play(moto))


def unlisted(found: dict[str, tuple[Any, Any]], known: list[Listed]) -> list[str]:
    """The differences that nobody looked up."""
    return [
        f"{place}: ours {ours!r}, moto {theirs!r}"
        for place, (ours, theirs) in found.items()
        if not any(one.is_at(place) for one in known)
    ]


def test_each_difference_was_looked_up(differing: dict[str, tuple[Any, Any]]) -> None:
    """Whatever the two say otherwise is listed with its source."""
    assert [] == unlisted(differing, listed())


def test_what_is_listed_is_there(differing: dict[str, tuple[Any, Any]]) -> None:
    """A pattern that no difference meets any more leaves the list."""
    patterns = [one for each in listed() for one in each.where]

    assert [] == [one for one in patterns if not any(like(place, one) for place in differing)]


def test_what_ours_has_wrong_has_a_reason() -> None:
    """Each entry says who is right, by whom; what is wrong here and not mended, why."""
    assert [] == [one for one in listed() if one.right not in ("ours", "moto", "either")]
    assert [] == [one for one in listed() if not one.why or not one.source]
    assert [] == [one for one in listed() if (one.right == "moto") != bool(one.left)]


def test_another_answer_is_told(differing: dict[str, tuple[Any, Any]]) -> None:
    """Sabotage: an error's code, a field and a state that one of the two has otherwise."""
    made_up = {
        "s3 get_object missing: Error.Code": ("NotFound", "NoSuchKey"),
        "ssm get_parameter: Parameter.Version": (2, 3),
        "lambda get_alias with weights: RoutingConfig.AdditionalVersionWeights.2": (0.1, None),
    }

    assert 3 == len(unlisted({**differing, **made_up}, listed()))


def test_what_is_made_up_is_no_difference() -> None:
    """Ids, times and account numbers are one word each; anything else counts, an empty list too."""
    left = {
        "step": opinions.normal(
            {"Arn": "arn:aws:x:1", "Text": "of 111111111111 at 2026-01-01T00:00:00Z", "L": []}
        )
    }
    right = {
        "step": opinions.normal({"Arn": "arn:aws:x:2", "Text": "of 222222222222 at 2027-01-01T00:00:00Z"})
    }

    assert {"step: L": ([], None)} == opinions.differences(left, right)
