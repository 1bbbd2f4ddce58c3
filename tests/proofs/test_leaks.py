"""No secret leaves: the whole story is told as loudly as it can be, and then everything that came out is searched."""

import contextlib
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError

from sandbox.__main__ import forget_own_credentials
from sandbox.accounts import account
from sandbox.reach import Reach
from sandbox.state import Sandbox
from sandbox.story import Story
from tests.proofs.deployed import rotated
from tests.proofs.needles import Needles
from tests.proofs.places import ENVIRONMENTS, Places, Processes, watching
from tests.proofs.plants import PLANTS, planted
from tests.waiting import until

pytestmark = [pytest.mark.proof, pytest.mark.marathon, pytest.mark.e2e]
_SHORTEST = 12  # letters of a value that can't be there by chance
_LOUD = {"RUNNER_DEBUG": "1", "ACTIONS_STEP_DEBUG": "true", "ACTIONS_RUNNER_DEBUG": "true"}


@dataclass
class Vault:
    """Every value that Secrets Manager held when it was read, by its name."""

    box: Sandbox
    held: dict[str, str] = field(default_factory=dict)

    def read(self) -> None:
        """Read all that is there now."""
        for environment in ENVIRONMENTS:
            client = self.box.aws.client("secretsmanager", environment)
            for secret in client.list_secrets()["SecretList"]:
                for stage in ("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"):
                    with contextlib.suppress(ClientError):
                        found = client.get_secret_value(SecretId=secret["ARN"], VersionStage=stage)
                        for path, value in _leaves(json.loads(found["SecretString"])):
                            self.held.setdefault(f"{environment}: {secret['Name']}{path} {value[:3]}", value)

    def look(self) -> None:
        """Read it, if AWS is there already, and still."""
        with contextlib.suppress(Exception):
            self.read()


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """What is secret in a secret: not the user's name nor where the database is."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in {"username", "host", "dbname", "engine", "masterarn", "port"}:
                yield from _leaves(item, f"{path}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}.{number}")
    elif isinstance(value, str) and len(value) >= _SHORTEST:
        yield path, value


@dataclass(frozen=True)
class Told:
    """The story, told; what was secret in it; and where to look."""

    story: Story
    secrets: dict[str, str]
    places: Places


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The whole story with debug logs on, by somebody with keys of their own; then crashes and refused connections."""
    mine = f"canary{secrets.token_hex(17)}"
    temporary = tmp_path_factory.mktemp("temporary")
    began = time.time()
    box = Sandbox(tmp_path_factory.mktemp("leaks") / "box")
    environment = {
        "TMPDIR": str(temporary),
        "AWS_ACCESS_KEY_ID": "AKIACANARY",
        "AWS_SECRET_ACCESS_KEY": mine,
        **_LOUD,
    }
    processes, vault = Processes(), Vault(box)
    with (
        mock.patch.dict(os.environ, environment),
        mock.patch.object(tempfile, "tempdir", None),
        watching(processes.look, 0.1),
        watching(vault.look, 0.4),
    ):
        try:
            forget_own_credentials()
            story = Story(box, keep=True)
            assert story.tell(), story.told[-1]
            rotate(box, vault)
            crash(box)
            vault.read()
            places = Places(box, processes, temporary, began)
            yield Told(story, {**vault.held, "the keys of who runs it": mine}, places)
        finally:
            box.stop()


def rotate(box: Sandbox, vault: Vault) -> None:
    """Rotate each password of the application once more, and wait for the new one."""
    for environment in ENVIRONMENTS:
        rotated(box.aws, environment)
        vault.read()


def crash(box: Sandbox) -> None:
    """Let dev's functions fail in every way there is, at the level DEBUG: bad events, and no database."""
    functions = box.aws.client("lambda", "dev")
    names = [one["FunctionName"] for one in functions.list_functions()["Functions"]]
    arn = Reach(box.aws, "dev").secret_arns()[0]
    events = [
        {},
        {"httpMethod": 1, "path": None},
        {"Step": "createSecret", "SecretId": arn, "ClientRequestToken": "0" * 32},
        {"Step": "setSecret", "SecretId": arn, "ClientRequestToken": "nothing"},
        {"RequestType": "Create", "ResourceProperties": {}},
        {"httpMethod": "GET", "path": "/ready", "headers": {"Accept": "*/*"}},
    ]
    for name in names:
        known = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables = {**known, "LOG_LEVEL": "DEBUG"}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    def all_of_them() -> None:
        for name in names:
            for event in events:
                functions.invoke(FunctionName=name, Payload=json.dumps(event).encode(), LogType="Tail")

    all_of_them()
    with box.postgres["dev"].wait() as connection:
        connection.execute(f"ALTER DATABASE {account('dev').database} CONNECTION LIMIT 0")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'esclusa'"
        )
    all_of_them()
    assert Reach(box.aws, "dev").get("/ready").get("status") == 503
    with box.postgres["dev"].wait() as connection:
        connection.execute(f"ALTER DATABASE {account('dev').database} CONNECTION LIMIT -1")


def searched(told: Told, place: str, needles: Needles) -> tuple[int, list[str]]:
    """How many pieces a place has, and what was found in them; the same content is searched once."""
    known: set[int] = set()
    count, found = 0, []
    for where, content in told.places.all[place]():
        count += 1
        if hash(content) not in known:
            known.add(hash(content))
            found += [f"{said}: in {place}, {where}" for said in needles.found(content)]
    return count, found


def test_no_secret_left(told: Told) -> None:
    """Of the passwords before and after their rotations, the session keys, the master's, and the teller's own keys."""
    needles = Needles(told.secrets)
    results = {place: searched(told, place, needles) for place in told.places.all}
    print(f"{len(told.secrets)} secrets in {len(needles.forms)} forms")
    print({place: count for place, (count, _) in results.items()})

    passwords = [name for name in told.secrets if ".password" in name]
    assert len(passwords) >= 6, sorted(told.secrets)
    assert {place: [] for place in results} == {place: found[:5] for place, (_, found) in results.items()}
    empty = {place for place, (count, _) in results.items() if count == 0}
    assert empty <= {"temporary folders", "the work tree"}  # where nothing was left behind


@pytest.mark.parametrize("place", [*PLANTS, "processes", "the work tree"])
def test_what_is_planted_is_found(told: Told, place: str) -> None:
    """Sabotage: a value in each of the places, in some disguise; it is found, and before it was not."""
    value = f"pl@nted/{secrets.token_urlsafe(15)}+ü"
    needles = Needles({"planted": value})
    _, before = searched(told, place, needles)
    with planted(place, told.places, value):
        found = until(lambda: searched(told, place, needles)[1], f"what was planted in {place}")

    assert not before
    assert found


def test_every_place_is_planted(told: Told) -> None:
    """None is left out."""
    assert sorted([*PLANTS, "processes", "the work tree"]) == sorted(told.places.all)
