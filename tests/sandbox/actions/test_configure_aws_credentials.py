import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.sandbox.actions.conftest import Act, Done

pytestmark = pytest.mark.outside

SCRIPT = "aws-actions/configure-aws-credentials/assume_role.py"
ROLE = "arn:aws:iam::111111111111:role/esclusa-dev-deploy"
ANSWER = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAKEY</AccessKeyId>
<SecretAccessKey>secret/key</SecretAccessKey><SessionToken>session==</SessionToken></Credentials>
<AssumedRoleUser><Arn>arn:aws:sts::111111111111:assumed-role/esclusa-dev-deploy/GitHubActions</Arn></AssumedRoleUser>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""
DENIED = """<ErrorResponse><Error><Code>AccessDenied</Code>
<Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>"""


class Server(ThreadingHTTPServer):
    """Issuer and STS in one: what it was asked, and what it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, list[str]]] = []
        self.token: tuple[int, dict[str, str]] = (200, {"value": "a.b.c"})
        self.sts: tuple[int, str] = (200, ANSWER)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        status, body = self.server.token
        self.server.asked.append(
            parse_qs(self.path.partition("?")[2]) | {"by": [self.headers["Authorization"]]}
        )
        self._answer(status, json.dumps(body))

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append(parse_qs(text))
        self._answer(*self.server.sts)

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's own name
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def configure(act: Act, server: Server, **more: str) -> Done:
    address = f"http://127.0.0.1:{server.server_port}"
    inputs = {
        "ROLE": ROLE,
        "REGION": "eu-west-1",
        "AUDIENCE": "sts.amazonaws.com",
        "SESSION": "Git Hub/Actions",
        "DURATION": "3600",
        "POLICY": "",
        "MASK_ACCOUNT": "false",
        "ALLOWED_ACCOUNTS": "",
        "OUTPUT_CREDENTIALS": "false",
        "AWS_ENDPOINT_URL": address,
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{address}/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "bearer",
    }
    return act(SCRIPT, **(inputs | more))


def test_trades_the_token_for_credentials(act: Act, server: Server) -> None:
    """The job's token goes to STS with the role, and the session's keys to the steps that follow, masked."""
    done = configure(act, server)
    asked, assumed = server.asked

    assert (["sts.amazonaws.com"], ["Bearer bearer"]) == (asked["audience"], asked["by"])
    assert ([ROLE], ["a.b.c"], ["Git-Hub-Actions"]) == (
        assumed["RoleArn"],
        assumed["WebIdentityToken"],
        assumed["RoleSessionName"],
    )
    assert {
        "AWS_ACCESS_KEY_ID": "ASIAKEY",
        "AWS_SECRET_ACCESS_KEY": "secret/key",
        "AWS_SESSION_TOKEN": "session==",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    } == done.exported
    assert {"::add-mask::ASIAKEY", "::add-mask::secret/key", "::add-mask::session=="} <= set(
        done.printed.splitlines()
    )
    assert {"aws-account-id", "authenticated-arn"} == done.outputs.keys()


def test_masks_the_account_and_gives_the_keys_when_asked(act: Act, server: Server) -> None:
    """Two inputs of the real action: the account's id masked, the keys as outputs too."""
    done = configure(act, server, MASK_ACCOUNT="true", OUTPUT_CREDENTIALS="true")

    assert "::add-mask::111111111111" in done.printed
    assert "secret/key" == done.outputs["aws-secret-access-key"]


@pytest.mark.parametrize(
    ("change", "inputs", "said"),
    [
        ({"sts": (403, DENIED)}, {}, "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        ({"sts": (502, "Bad gateway")}, {}, "STS answered 502 with what is no XML"),
        (
            {"token": (403, {"message": "no permission `id-token: write`"})},
            {},
            "no permission `id-token: write`",
        ),
        ({}, {"ACTIONS_ID_TOKEN_REQUEST_URL": ""}, "this job has no permission `id-token: write`"),
        ({}, {"AWS_ENDPOINT_URL": ""}, "AWS_ENDPOINT_URL is not set"),
        ({}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "http://127.0.0.1:9 can't be reached"),
        ({}, {"ALLOWED_ACCOUNTS": "222222222222, 333333333333"}, "not one of 222222222222, 333333333333"),
    ],
)
def test_a_refusal_fails_at_once(
    act: Act, server: Server, change: dict[str, Any], inputs: dict[str, str], said: str
) -> None:
    """Whoever says no, the step fails with those words, and no key is exported."""
    for name, value in change.items():
        setattr(server, name, value)
    done = configure(act, server, **inputs)

    assert (1, {}) == (done.status, done.exported)
    assert said in done.printed
