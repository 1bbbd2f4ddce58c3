"""A release deployed to dev by the command itself, for the proofs that need one that serves."""

import io
import json
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import boto3

from sandbox.accounts import Account, pair
from sandbox.aws import Aws
from sandbox.reach import Reach
from sandbox.state import Sandbox
from tests.e2e.test_releases import Team
from tests.waiting import until

DEV = "dev"


class Deployed:
    """The sandbox with dev in it, who deploys there, and dev as its administrator sees it."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.team = Team(box, box.github.remote.clone)
        self.reach = Reach(box.aws, DEV)

    @cached_property
    def deployer(self) -> boto3.Session:
        """A session of the deploy role, as a job of the environment gets it."""
        keys = self.team._role(DEV)
        return boto3.Session(
            keys["AWS_ACCESS_KEY_ID"],
            keys["AWS_SECRET_ACCESS_KEY"],
            keys["AWS_SESSION_TOKEN"],
            region_name=self.reach.settings.region,
        )

    def set(self, name: str, value: str) -> None:
        """Change a parameter of dev in the clone's samconfig.toml, as a commit would."""
        file = self.team.clone / "samconfig.toml"
        file.write_text(given(file.read_text(), name, value))

    def client(self, service: str) -> Any:
        """A client of the account's administrator."""
        return self.box.aws.client(service, DEV)

    def version(self) -> tuple[str, dict[str, Any]]:
        """The id of the current version of the database's secret, and its value."""
        found = self.client("secretsmanager").get_secret_value(SecretId=self.reach.secret_arns()[0])
        return found["VersionId"], json.loads(found["SecretString"])

    def rotate(self) -> None:
        """Begin a rotation of that secret, or go on with the one that did not come to its end."""
        client = self.client("secretsmanager")
        try:
            client.rotate_secret(SecretId=self.reach.secret_arns()[0])
        except client.exceptions.InvalidRequestException as error:
            if "will be reattempted" not in str(error):
                raise

    def archive(self, function: str) -> bytes:
        """The bytes of app.zip or rotation.zip as they were deployed."""
        return (self.team.clone / "build/bundle" / f"{function}.zip").read_bytes()


def rotated(aws: Aws, environment: str) -> None:
    """Rotate the password of an environment's application, and wait for the new one."""
    client, arn = aws.client("secretsmanager", environment), Reach(aws, environment).secret_arns()[0]

    def version() -> str:
        return str(client.get_secret_value(SecretId=arn)["VersionId"])

    before = version()
    client.rotate_secret(SecretId=arn)
    until(lambda: version() != before, f"the rotation of {environment}'s password", pause=0.1)


def given(text: str, name: str, value: str) -> str:
    """A samconfig.toml in which a parameter of dev has another value."""
    start = text.index("[dev.deploy.parameters]")
    changed, count = re.subn(f'\'{name}="[^"]*"\'', f"'{name}=\"{value}\"'", text[start:], count=1)
    assert count == 1, f"samconfig.toml has no parameter {name}"
    return text[:start] + changed


@contextmanager
def deployed(
    folder: Path,
    accounts: tuple[Account, ...] = pair()[:1],
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Deployed]:
    """v1.0.0 on dev, with these parameters in place of samconfig's; everything ends with the context."""
    os.umask(0o022)
    with Sandbox(folder / "box", accounts=accounts) as box:
        found = Deployed(box)
        for name, value in settings.items():
            found.set(name, value)
        done = found.team.bring_to_dev("v1.0.0")
        assert done.status == 0, done.stdout + done.stderr
        yield found


def sabotaged(archive: bytes, file: str, *changes: tuple[str, str]) -> bytes:
    """A function's archive with texts of one file replaced; each must be there exactly once.

    The file's bytecode stays out: Python would take it without a look at the text.
    """
    made = io.BytesIO()
    compiled = str(Path(file).parent / "__pycache__" / Path(file).stem) + "."
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename.startswith(compiled):
                continue
            if entry.filename == file:
                for before, after in changes:
                    assert content.count(before.encode()) == 1, f"{file} has no single {before!r}"
                    content = content.replace(before.encode(), after.encode())
            new.writestr(entry, content)
    return made.getvalue()
