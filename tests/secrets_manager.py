"""A Secrets Manager on loopback: the five calls that the functions make, with versions and stages."""

import base64
import json
import secrets
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

ENVIRON = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "made-up-secret-key",
    "AWS_SESSION_TOKEN": "made-up-session-token",
}


NEEDLE = "hunter2"
_LOGIN = {
    "engine": "postgres",
    "host": "127.0.0.1",
    "port": 5432,
    "dbname": "ledger",
    "username": "ledger_app",
}
SHAPES: dict[str, str | bytes | None] = {
    "no JSON": f"{NEEDLE}-is-the-password",
    "half of JSON": '{"username": "ledger_app", "password": "hunter2',
    "an array": json.dumps([NEEDLE]),
    "a text": json.dumps(NEEDLE),
    "a number": "17",
    "a number of many digits": "1" * 10_000,
    "a number that is none": "NaN",
    "null": "null",
    "a byte order mark": "\ufeff" + json.dumps({**_LOGIN, "password": NEEDLE}),
    "nested deeply": "[" * 60_000 + "]" * 5_000,
    "an object nested deeply": '{"password":' * 5_000 + f'"{NEEDLE}"' + "}" * 5_000,
    "huge": json.dumps(NEEDLE * 9_000),
    "no password": json.dumps({**_LOGIN, "signing": NEEDLE}),
    "password empty": json.dumps({**_LOGIN, "password": "", "old": NEEDLE}),
    "password null": json.dumps({**_LOGIN, "password": None, "old": NEEDLE}),
    "password a number": json.dumps({**_LOGIN, "password": 17}),
    "password an array": json.dumps({**_LOGIN, "password": [NEEDLE]}),
    "password an object": json.dumps({**_LOGIN, "password": {"value": NEEDLE}}),
    "password with NUL": json.dumps({**_LOGIN, "password": f"{NEEDLE}\0x"}),
    "password with half of a surrogate pair": json.dumps({**_LOGIN, "password": f"{NEEDLE}\ud800"}),
    "user null": json.dumps({**_LOGIN, "username": None, "password": NEEDLE}),
    "user an object": json.dumps({**_LOGIN, "username": {"name": NEEDLE}, "password": NEEDLE}),
    "user true": json.dumps({**_LOGIN, "username": True, "password": NEEDLE}),
    "one level too deep": json.dumps({"credentials": {**_LOGIN, "password": NEEDLE}}),
    "binary": NEEDLE.encode() + b"\x00\xff",
    "empty": None,
}
"""What may lie in a secret instead of a user and a password, as text, as bytes, or not at all."""


class RefusedError(Exception):
    """The service answers with an error."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class SecretsManager:
    """Holds secrets as {arn: {version: [text, bytes or None, stages]}} and counts the calls by action."""

    def __init__(self) -> None:
        self.secrets: dict[str, dict[str, tuple[str | bytes | None, set[str]]]] = {}
        self.calls: list[str] = []
        self.failures: list[RefusedError] = []
        self.raw: bytes | None = None  # sent in place of every answer
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                action = self.headers["X-Amz-Target"].removeprefix("secretsmanager.")
                status, answer = service.answer(action, body)
                content = json.dumps(answer).encode() if service.raw is None else service.raw
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: Any) -> None:
                """Keep the tests' output clean."""

        self._handler = Handler
        self.endpoint = ""

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def put(self, arn: str, value: dict[str, Any] | str | bytes | None) -> None:
        """Make `value` the secret's current version, which has no value if it is None."""
        text = json.dumps(value) if isinstance(value, dict) else value
        for _, stages in self.secrets.setdefault(arn, {}).values():
            stages.discard("AWSCURRENT")
        self.secrets[arn][str(uuid.uuid4())] = (text, {"AWSCURRENT"})

    def value(self, arn: str, stage: str = "AWSCURRENT") -> dict[str, Any]:
        """Return the value of the version with this stage."""
        text = next(text for text, stages in self.secrets[arn].values() if stage in stages)
        assert text is not None
        parsed: dict[str, Any] = json.loads(text)
        return parsed

    def answer(self, action: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Do one call."""
        self.calls.append(action)
        try:
            if self.failures:
                raise self.failures.pop(0)
            if action == "GetRandomPassword":
                return 200, {"RandomPassword": secrets.token_hex(body["PasswordLength"] // 2)}
            return 200, getattr(self, f"_{action}")(self.secrets.get(body["SecretId"], {}), body)
        except RefusedError as error:
            return error.status, {"__type": error.code, "message": "refused"}

    def _GetSecretValue(self, versions: Any, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        stage = body.get("VersionStage", "AWSCURRENT")
        for version, (text, stages) in versions.items():
            if body.get("VersionId", version) == version and stage in stages and text is not None:
                value = (
                    {"SecretString": text}
                    if isinstance(text, str)
                    else {"SecretBinary": base64.b64encode(text).decode()}
                )
                return {"ARN": body["SecretId"], "VersionId": version, **value}
        raise RefusedError(400, "ResourceNotFoundException")

    def _DescribeSecret(self, versions: Any, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        stages = {version: sorted(stages) for version, (_, stages) in versions.items()}
        return {"ARN": body["SecretId"], "RotationEnabled": True, "VersionIdsToStages": stages}

    def _PutSecretValue(self, versions: Any, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        token = body["ClientRequestToken"]
        if token in versions and versions[token][0] not in (None, body["SecretString"]):
            raise RefusedError(400, "ResourceExistsException")
        versions[token] = (body["SecretString"], set(body["VersionStages"]))
        return {"ARN": body["SecretId"], "VersionId": token}

    def _UpdateSecretVersionStage(self, versions: Any, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        versions[body["RemoveFromVersionId"]][1].discard(body["VersionStage"])
        versions[body["MoveToVersionId"]][1].add(body["VersionStage"])
        return {"ARN": body["SecretId"]}
