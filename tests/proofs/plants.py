"""Sabotage for the search of leaks: a value put into each of the places, each time written in another way."""

import base64
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock
from urllib.parse import quote
from zipfile import ZipFile

from pipeline.base import http
from pipeline.base.run import CHECKOUT
from sandbox.accounts import account
from sandbox.reach import Reach
from tests.proofs.places import Places
from tests.proofs.test_rotation_drill import deployment

type Plant = Callable[[Places, str], None]


@contextmanager
def planted(place: str, places: Places, value: str) -> Iterator[None]:
    """The value is in the place until the end."""
    with ExitStack() as undone:
        if place == "processes":
            environment = {**os.environ, "PLANTED": base64.b64encode(value.encode()).decode()}
            words = [sys.executable, "-c", "import time; time.sleep(86400)"]
            process = undone.enter_context(subprocess.Popen(words, env=environment))
            undone.callback(process.kill)
        elif place == "the work tree":
            file = CHECKOUT / "planted.txt"
            undone.callback(file.unlink)
            file.write_text(value[::-1])
        else:
            PLANTS[place](places, value)
        yield


def _runs(places: Places, value: str) -> None:
    folder = places.box.folder / "github" / "runs" / "planted"
    folder.mkdir()
    with ZipFile(folder / "artifact.zip", "w") as archive:
        archive.writestr("report.json.gz", gzip.compress(json.dumps({"said": value}).encode()))


def _repositories(places: Places, value: str) -> None:
    places.box.github.commit("Plant", {"docs/planted.md": value.encode().hex()}, branch="planted")


def _sandbox_log(places: Places, value: str) -> None:
    (places.box.logs / "planted.log").write_bytes(value.encode("utf-16-le"))


def _table(places: Places, value: str) -> None:
    with places.box.postgres["prod"].wait(account("prod").database) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS ledger.planted (said text)")
        connection.execute("INSERT INTO ledger.planted VALUES (%s)", [value])


def _temporary(places: Places, value: str) -> None:
    (places.temporary / quote(value, safe="")).touch()


def _comment(places: Places, value: str) -> None:
    places.box.github.api.records.comment(1, f"It says {value[::-1]}", "alice")


def _stack(places: Places, value: str) -> None:
    template = {
        "Parameters": {"Said": {"Type": "String"}},
        "Resources": {"Q": {"Type": "AWS::SQS::Queue"}},
    }
    places.box.aws.client("cloudformation", "prod").create_change_set(
        StackName="planted",
        ChangeSetName="planted",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Said", "ParameterValue": quote(value, safe="")}],
    )


def _function(places: Places, value: str) -> None:
    functions, name = places.box.aws.client("lambda", "dev"), f"{account('dev').settings.stack_name}-app"
    known: dict[str, Any] = functions.get_function_configuration(FunctionName=name)["Environment"][
        "Variables"
    ]
    encoded = base64.b64encode(b"k:" + value.encode()).decode()
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**known, "SAID": encoded}}
    )


def _parameter(places: Places, value: str) -> None:
    places.box.aws.client("ssm", "dev").put_parameter(Name="/planted", Value=value, Type="SecureString")


def _object(places: Places, value: str) -> None:
    client = places.box.aws.client("s3", "dev")
    client.put_object(
        Bucket=account("dev").artifacts, Key="planted", Body=gzip.compress(b"x" + value.encode())
    )


def _log(places: Places, value: str) -> None:
    logs = places.box.aws.client("logs", "dev")
    group = {"logGroupName": "/planted", "logStreamName": "planted"}
    logs.create_log_group(logGroupName="/planted")
    logs.create_log_stream(**group)
    now = int(1000 * time.time())
    logs.put_log_events(**group, logEvents=[{"timestamp": now, "message": json.dumps({"said": value})}])


def _queue(places: Places, value: str) -> None:
    queues = places.box.aws.client("sqs", "dev")
    url = queues.create_queue(QueueName="planted")["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody=quote(value, safe=""))


def _reply(places: Places, value: str) -> None:
    reach, session = Reach(places.box.aws, "dev"), places.box.aws.session("dev")
    body = {**deployment(1), "detail": value}
    with mock.patch.dict(os.environ, places.box.aws.variables()):
        answer = http.request("POST", f"{reach.url}/api/deployments", session=session, body=body)
    assert answer.status == 201, answer


PLANTS: Mapping[str, Plant] = {
    "runs: logs, summaries, artifacts": _runs,
    "repositories": _repositories,
    "the sandbox's logs": _sandbox_log,
    "data of PostgreSQL": _table,
    "temporary folders": _temporary,
    "comments, issues, releases": _comment,
    "stacks and change sets": _stack,
    "functions": _function,
    "parameters": _parameter,
    "buckets": _object,
    "logs": _log,
    "queues": _queue,
    "the API's replies": _reply,
    "the ledger's rows": _table,
}
