"""Everywhere that something comes out of a pipeline and of what it deploys, read by an administrator.

Secrets Manager is the one place that isn't here. Each place gives what is in it, piece by piece.
"""

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
from botocore.exceptions import ClientError
from psycopg import sql

from pipeline.base import http
from pipeline.base.run import CHECKOUT
from sandbox.accounts import account, pair
from sandbox.reach import Reach
from sandbox.state import Sandbox

type Piece = tuple[str, bytes]  # where it is, and what
ENVIRONMENTS = tuple(one.environment for one in pair())
_REPLIES = (
    "/health",
    "/ready",
    "/version",
    "/ledger",
    "/no-such-page",
    "/api/deployments",
    "/api/verify",
    "/openapi.json",
)
_TOOLS = {".git", ".venv", ".tools", "__pycache__"}


@contextlib.contextmanager
def watching(look: Callable[[], None], pause: float) -> Iterator[None]:
    """Look again and again meanwhile, with so many seconds between."""
    ended = threading.Event()

    def again() -> None:
        while not ended.wait(pause):
            look()

    thread = threading.Thread(target=again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@dataclass
class Processes:
    """Command lines and environments of every process but this one, as often as they are looked at."""

    seen: dict[bytes, str] = field(default_factory=dict)

    def pieces(self) -> Iterator[Piece]:
        """What was seen."""
        yield from ((where, content) for content, where in self.seen.copy().items())

    def look(self) -> None:
        """Look at all of them."""
        for pid in psutil.pids():
            with contextlib.suppress(psutil.Error):
                if pid != os.getpid():
                    words = psutil.Process(pid).cmdline()
                    name = " ".join(words)[:80]
                    self.seen.setdefault(os.fsencode("\0".join(words)), f"the command line {name}")
                    variables = (f"{key}={value}" for key, value in psutil.Process(pid).environ().items())
                    self.seen.setdefault(os.fsencode("\0".join(variables)), f"the environment of {name}")


@dataclass(frozen=True)
class Places:
    """The places of one sandbox. `since`: of the work tree, what was written after that time, seconds since 1970."""

    box: Sandbox
    processes: Processes
    temporary: Path
    since: float

    @property
    def all(self) -> Mapping[str, Callable[[], Iterator[Piece]]]:
        """Each place by its name."""
        return {
            "runs: logs, summaries, artifacts": lambda: files(self.box.folder / "github" / "runs"),
            "repositories": self._repositories,
            "the sandbox's logs": lambda: files(self.box.logs),
            "data of PostgreSQL": self._data,
            "temporary folders": lambda: files(self.temporary),
            "the work tree": self._work_tree,
            "comments, issues, releases": self._records,
            "stacks and change sets": lambda: self._of_each(_stacks),
            "functions": lambda: self._of_each(_functions),
            "parameters": lambda: self._of_each(_parameters),
            "buckets": lambda: self._of_each(_buckets),
            "logs": lambda: self._of_each(_logs),
            "queues": lambda: self._of_each(_queues),
            "the API's replies": self._replies,
            "the ledger's rows": self._rows,
            "processes": self.processes.pieces,
        }

    def _of_each(self, place: Callable[[Callable[[str], Any]], Iterator[Piece]]) -> Iterator[Piece]:
        for environment in ENVIRONMENTS:

            def client(service: str, name: str = environment) -> Any:
                return self.box.aws.client(service, name)

            yield from ((f"{environment}: {where}", content) for where, content in place(client))

    def _repositories(self) -> Iterator[Piece]:
        """Every object of git's, also those that no branch holds any more."""
        for folder in sorted((self.box.folder / "github" / "git").glob("*")):
            if (folder / "HEAD").exists() or (folder / ".git").exists():
                words = ["git", "cat-file", "--batch", "--batch-all-objects", "--unordered"]
                yield folder.name, subprocess.run(words, cwd=folder, check=True, capture_output=True).stdout

    def _data(self) -> Iterator[Piece]:
        for environment in ENVIRONMENTS:
            yield from files((self.box.folder / f"postgres-{environment}").resolve())

    def _work_tree(self) -> Iterator[Piece]:
        for folder, folders, names in os.walk(CHECKOUT):
            folders[:] = [
                name
                for name in folders
                if name not in _TOOLS and not (Path(folder) / name / "state.json").exists()
            ]
            for name in names:
                path = Path(folder) / name
                if path.is_file() and path.stat().st_mtime >= self.since:
                    yield str(path.relative_to(CHECKOUT)), path.read_bytes()

    def _records(self) -> Iterator[Piece]:
        records = self.box.github.api.records
        for kind in ("issues", "comments", "pulls", "reviews", "releases", "runs", "approvals"):
            yield kind, json.dumps(getattr(records, kind), default=str).encode()
        yield from ((f"asset {record['name']}", data) for record, data in records.assets.values())

    def _replies(self) -> Iterator[Piece]:
        for environment in ENVIRONMENTS:
            url = Reach(self.box.aws, environment).url
            with mock.patch.dict(os.environ, self.box.aws.variables()):
                for session in (None, self.box.aws.session(environment)):
                    for path in _REPLIES:
                        answer = http.request("GET", url + path, session=session)
                        yield f"{environment}: {path}", repr(answer).encode()
                    answer = http.request("POST", f"{url}/api/deployments", session=session, body={"id": 1})
                    yield f"{environment}: a bad record", repr(answer).encode()

    def _rows(self) -> Iterator[Piece]:
        for environment in ENVIRONMENTS:
            with self.box.postgres[environment].wait(account(environment).database) as connection:
                names = connection.execute("SELECT schemaname, relname FROM pg_stat_user_tables").fetchall()
                for schema, name in names:
                    table = sql.Identifier(str(schema), str(name))
                    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(table)) as rows:
                        yield f"{environment}: {schema}.{name}", b"".join(bytes(row) for row in rows)
                queries = connection.execute("SELECT query FROM pg_stat_activity").fetchall()
                yield f"{environment}: statements", repr(queries).encode()


def files(folder: Path) -> Iterator[Piece]:
    """Every file below a folder, and every name; one that vanishes meanwhile is none."""
    for path in sorted(folder.rglob("*")):
        yield "a name", str(path.relative_to(folder)).encode(errors="surrogateescape")
        if path.is_file() and not path.is_symlink():
            with contextlib.suppress(FileNotFoundError):
                yield str(path.relative_to(folder)), path.read_bytes()


def _stacks(client: Callable[[str], Any]) -> Iterator[Piece]:
    cloud = client("cloudformation")
    for stack in cloud.describe_stacks()["Stacks"]:
        name = stack["StackName"]
        yield name, json.dumps(stack, default=str).encode()
        events = cloud.get_paginator("describe_stack_events").paginate(StackName=name)
        yield f"{name}, events", json.dumps(list(events), default=str).encode()
        for stage in ("Original", "Processed"):
            with contextlib.suppress(ClientError):
                body = cloud.get_template(StackName=name, TemplateStage=stage)["TemplateBody"]
                yield (
                    f"{name}, template",
                    body.encode() if isinstance(body, str) else json.dumps(body).encode(),
                )
        for one in cloud.list_change_sets(StackName=name)["Summaries"]:
            found = cloud.describe_change_set(StackName=name, ChangeSetName=one["ChangeSetName"])
            yield f"{name}, change set", json.dumps(found, default=str).encode()


def _functions(client: Callable[[str], Any]) -> Iterator[Piece]:
    functions = client("lambda")
    for one in functions.list_functions(FunctionVersion="ALL")["Functions"]:
        yield one["FunctionArn"], json.dumps(one, default=str).encode()
    for one in functions.list_functions()["Functions"]:
        found = functions.get_function(FunctionName=one["FunctionName"])
        yield one["FunctionName"], json.dumps(found, default=str).encode()


def _parameters(client: Callable[[str], Any]) -> Iterator[Piece]:
    names = [one["Name"] for one in client("ssm").describe_parameters()["Parameters"]]
    for name in names:
        history = client("ssm").get_parameter_history(Name=name, WithDecryption=True)["Parameters"]
        yield name, json.dumps(history, default=str).encode()


def _buckets(client: Callable[[str], Any]) -> Iterator[Piece]:
    storage = client("s3")
    for bucket in storage.list_buckets()["Buckets"]:
        name = bucket["Name"]
        for page in storage.get_paginator("list_object_versions").paginate(Bucket=name):
            for one in page.get("Versions", []):
                found = storage.get_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"])
                yield f"{name}/{one['Key']}", found["Body"].read()
                yield f"{name}/{one['Key']}, metadata", json.dumps(found["Metadata"]).encode()


def _logs(client: Callable[[str], Any]) -> Iterator[Piece]:
    logs = client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            for event in page["events"]:
                yield group["logGroupName"], event["message"].encode()


def _queues(client: Callable[[str], Any]) -> Iterator[Piece]:
    queues = client("sqs")
    for url in queues.list_queues().get("QueueUrls", []):
        yield (
            url,
            json.dumps(
                queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            ).encode(),
        )
        while messages := queues.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60, MessageAttributeNames=["All"]
        ).get("Messages"):
            yield url, json.dumps(messages, default=str).encode()
