"""The change set that the pipeline asks for is the one that `sam deploy` asks for, of the same bundle and settings.

Both are asked against a server that plays the few answers of S3 and CloudFormation which they need, and keeps what
they send. sam is the installed one, run as a developer runs it.
"""

import io
import os
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import boto3
import pytest

from pipeline.base.run import CHECKOUT, run, tool
from pipeline.delivery import bundle, changeset
from pipeline.delivery.bundle import Bundle
from pipeline.release import drift
from pipeline.source import samconfig
from tests.pipeline.bundles import make
from tests.stacks import ENVIRONMENTS

_ARN = "arn:aws:cloudformation:xx-test-1:000000000001:changeSet/x/1"


@dataclass
class Answers:
    """What was stored, by path and version, and the change sets that were asked for."""

    exists: bool
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def template(self) -> str:
        """What the last change set was asked to be made of."""
        address = urlsplit(self.asked[-1]["TemplateURL"])
        return self.objects[f"{address.path}?{address.query}" if address.query else address.path].decode()

    def answer(self, form: dict[str, str]) -> tuple[int, str]:
        match form["Action"]:
            case "DescribeStacks" if not self.exists:
                said = f"Stack with id {form['StackName']} does not exist"
                return 400, f"<Error><Code>ValidationError</Code><Message>{said}</Message></Error>"
            case "DescribeStacks":
                status = "<StackStatus>UPDATE_COMPLETE</StackStatus>"
                stack = f"<StackName>{form['StackName']}</StackName>{status}"
                return (
                    200,
                    f"<Stacks><member>{stack}<CreationTime>2026-01-01</CreationTime></member></Stacks>",
                )
            case "CreateChangeSet":
                self.asked.append(form)
                return 200, f"<Id>{_ARN}</Id>"
            case "DescribeChangeSet":
                return 200, f"<ChangeSetId>{_ARN}</ChangeSetId><Status>CREATE_COMPLETE</Status>"
            case "GetTemplateSummary":
                return 200, "<Parameters></Parameters>"
            case "GetTemplate":
                return 200, f"<TemplateBody>{escape(self.template())}</TemplateBody>"
        return 200, ""


class Handler(BaseHTTPRequestHandler):
    """S3 for any path, CloudFormation for forms; `answers` is set on a class of the test's own."""

    answers: Answers

    def log_message(self, *_: Any) -> None: ...

    def send(self, status: int, body: bytes = b"", version: str = "") -> None:
        self.send_response(status)
        if version:
            self.send_header("x-amz-version-id", version)
        self.send_header("ETag", '"x"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def content(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def do_PUT(self) -> None:
        version, path = f"v{len(self.answers.objects)}", urlsplit(self.path).path
        body = self.content()
        self.answers.objects[path] = self.answers.objects[f"{path}?versionId={version}"] = body
        self.send(200, version=version)

    def do_GET(self) -> None:
        found = self.answers.objects.get(self.path)
        version = urlsplit(self.path).query.removeprefix("versionId=") or "v"
        if found is None:
            self.send(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self.send(200, found, version)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.content().decode(), keep_blank_values=True))
        status, body = self.answers.answer(form)
        name = form["Action"]
        whole = body if status != 200 else f"<{name}Result>{body}</{name}Result>"
        wrap = "ErrorResponse" if status != 200 else f"{name}Response"
        self.send(status, f"<{wrap}>{whole}</{wrap}>".encode())


@pytest.fixture(params=[False, True], ids=["create", "update"])
def answers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """An AWS that has the stack, or has it not yet."""
    found = Answers(request.param)
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"answers": found})) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def made(tmp_path: Path) -> Bundle:
    """A bundle with this repository's template."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "x = 1\n")
    template = bundle._packaged((CHECKOUT / "template.yaml").read_text(encoding="utf-8"))
    names = {name.partition(".")[0] for name in _archives()}
    contents = {name: code.getvalue() for name in names} | {"template": template.encode()}
    return make(tmp_path / "bundle", "c" * 40, _archives(), **contents)


def _archives() -> tuple[str, ...]:
    return tuple(one.archive for one in samconfig.read(CHECKOUT, ENVIRONMENTS[0]).application.code.values())


def _listed(form: dict[str, str], name: str, *keys: str) -> set[tuple[str, ...]]:
    """A list of a request: its items, each as the values of these keys."""
    numbers = {key.split(".")[2] for key in form if key.startswith(f"{name}.member.")}
    return {
        tuple(form[".".join((f"{name}.member.{number}", *([key] if key else [])))] for key in keys or ("",))
        for number in numbers
    }


def _settings(form: dict[str, str]) -> dict[str, Any]:
    """All of a request but for names that are made up for each."""
    lists = {
        "Parameters": _listed(form, "Parameters", "ParameterKey", "ParameterValue"),
        "Tags": _listed(form, "Tags", "Key", "Value"),
        "Capabilities": _listed(form, "Capabilities"),
    }
    own = ("ChangeSetName", "ClientToken", "Description", "TemplateURL")
    plain = {key: value for key, value in form.items() if ".member." not in key and key not in own}
    return plain | lists


@pytest.mark.slow
@pytest.mark.proof
def test_both_ask_for_the_same(answers: Answers, made: Bundle) -> None:
    """Parameters, capabilities, tags, role, kind, and the template but for where the code lies; sam takes a bundle."""
    name = ENVIRONMENTS[-1]
    environment = samconfig.read(CHECKOUT, name)
    session = boto3.Session(region_name=environment.region)
    assert changeset.make(session, environment, made, environment.parameters) is not None
    ours, our_template = answers.asked[-1], answers.template()
    done = run(
        [
            *(tool("sam"), "deploy", "--no-execute-changeset", "--no-confirm-changeset", "--no-progressbar"),
            *("--template-file", made.path(bundle.TEMPLATE)),
            *("--config-file", CHECKOUT / "samconfig.toml", "--config-env", name),
        ],
        env={
            **{key: value for key, value in os.environ.items() if key.startswith("AWS_")},
            "SAM_CLI_TELEMETRY": "0",
            "HOME": str(made.folder),
        },
        check=False,
    )

    assert 2 == len(answers.asked), done.stdout + done.stderr
    assert len(environment.parameters) == len(_settings(ours)["Parameters"])
    assert _settings(answers.asked[-1]) == _settings(ours)
    assert drift._plain(answers.template()) == drift._plain(our_template)
