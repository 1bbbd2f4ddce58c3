"""What a function sees, and what is kept of what it says."""

import sysconfig
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.run import CHECKOUT, run
from tests.sandbox.emulator.cloud import Cloud
from tests.waiting import until

pytestmark = pytest.mark.e2e
_LOGS = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
_SEES = """
import importlib.util, os, sys

def handler(event, context):
    names = ("boto3", "botocore", "ministack", "samtranslator", "yaml", "cryptography", "sandbox", "joserfc")
    found = [name for name in names if importlib.util.find_spec(name)]
    import boto3
    arn = boto3.client("sts").get_caller_identity()["Arn"]
    return {"environment": dict(os.environ), "found": found, "arn": arn}
"""
_SAYS = """
import logging

def handler(event, context):
    print("said by print")
    logging.info("said by info")
    logging.warning("said by warning")
    logging.getLogger("other").error("said by error")
"""
_REAPED = """
import time
from types import SimpleNamespace
from ministack.core import lambda_runtime
from ministack.services import lambda_svc
from sandbox.emulator import functions

ended = []
lambda_runtime.kill_workers = ended.extend
functions.environments_that_end()
old, new = time.time() - 301, time.time() - 10
first, busy, fresh = (
    SimpleNamespace(in_use=used, last_used=at) for used, at in ((False, old), (True, old), (False, new))
)
lambda_runtime._workers |= {"a:1": [first], "a:2": [busy, fresh]}
print(lambda_svc.reap_idle_workers(), ended == [first], lambda_runtime._workers == {"a:1": [], "a:2": [busy, fresh]})
"""
_RAISES = """
import logging

def handler(event, context):
    raise ValueError("too much detail")
"""


@pytest.fixture(scope="module")
def role(cloud: Cloud) -> str:
    """A function's role."""
    return cloud.role("functions", _LOGS)


@pytest.fixture(scope="module")
def seen(cloud: Cloud, role: str) -> dict[str, Any]:
    """What a function finds around it."""
    cloud.function("sees", _SEES, role, Environment={"Variables": {"OWN": "mine", "AUTH": "its own"}})
    found: dict[str, Any] = cloud.invoke("sees")
    return found


def test_a_function_sees_its_own_variables_alone(seen: dict[str, Any]) -> None:
    """Its own variables and the runtime's; none of the emulator's, not even where a name is the same."""
    environment = seen["environment"]

    assert ("mine", "its own") == (environment["OWN"], environment["AUTH"])
    assert "sees" == environment["AWS_LAMBDA_FUNCTION_NAME"]
    ours = {"GATEWAY_PORT", "SANDBOX_JWKS", "STATE_DIR", "PYTHONPATH", "MINISTACK_ACCOUNT_ID", "USE_SSL"}
    assert set() == ours & set(environment)


def test_a_function_reaches_aws_with_its_role(seen: dict[str, Any]) -> None:
    """The endpoint and its certificate are in place, and the credentials are the role's."""
    assert "arn:aws:sts::111111111111:assumed-role/functions/sees" == seen["arn"]


def test_a_function_finds_the_runtimes_packages_alone(seen: dict[str, Any]) -> None:
    """boto3 is a part of AWS's runtime; the emulator's packages are not, so a missing one is missed."""
    assert ["boto3", "botocore"] == seen["found"]


def test_a_function_for_another_machine_runs_with_this_ones_builds(cloud: Cloud, role: str) -> None:
    """What the zip has for another processor is lent; the code itself is the zip's."""
    installed = Path(sysconfig.get_path("platlib"))
    paths = [*installed.glob("markupsafe/*"), next(installed.glob("markupsafe-*")) / "METADATA"]
    files = {str(path.relative_to(installed)): path.read_bytes() for path in paths if path.is_file()}
    for name in [name for name in files if name.endswith(".so")]:
        files[name] = files[name][:18] + b"\0\0" + files[name][20:]  # e_machine of elf(5): of no machine
    code = "import markupsafe\ndef handler(event, context): return markupsafe._escape_inner.__module__\n"
    cloud.function("foreign", code, role, files)

    assert "markupsafe._speedups" == cloud.invoke("foreign")


def test_an_environment_that_nobody_uses_ends() -> None:
    """Also the only one of a version; one in use stays, and so does one that was used a moment ago."""
    python = CHECKOUT / ".tools/sandbox/bin/python"

    assert "1 True True" == run([python, "-c", _REAPED], env={"PYTHONPATH": str(CHECKOUT)}).stdout.strip()


def test_what_a_function_logs_is_kept(cloud: Cloud, role: str) -> None:
    """Print, and logging from WARNING on, stand in the log group."""
    cloud.function("says", _SAYS, role)
    cloud.invoke("says")

    text = _logged(cloud, "/aws/lambda/says", "said by error")

    assert "said by print" in text
    assert "[WARNING]" in text
    assert "said by warning" in text
    assert "said by info" not in text


def test_a_traceback_is_for_the_log(cloud: Cloud, role: str) -> None:
    """Who invokes a function directly hears its error, as on AWS; the rest is in the log."""
    cloud.function("raises", _RAISES, role)

    assert "too much detail" == cloud.invoke("raises")["errorMessage"]


FUNCTION = "arn:aws:lambda:eu-west-1:111111111111:function:"
_GET = {"Effect": "Allow", "Action": "lambda:GetFunction*", "Resource": "*"}


@pytest.fixture(scope="module")
def key(cloud: Cloud) -> str:
    """A key whose policy leaves to IAM who uses it, as every key's does that was made without one."""
    arn: str = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    return arn


@pytest.fixture(scope="module")
def kept_shut(cloud: Cloud, role: str, key: str) -> str:
    """A function with variables under a customer's key."""
    cloud.function("kept-shut", _SAYS, role, Environment={"Variables": {"OWN": "mine"}}, KMSKeyArn=key)
    return "kept-shut"


@pytest.mark.parametrize(
    ("who", "right", "shown"),
    [
        ("nothing", None, False),
        ("key", {"kms:ViaService": "lambda.eu-west-1.amazonaws.com"}, True),
        ("context", {"kms:EncryptionContext:aws:lambda:FunctionArn": f"{FUNCTION}kept-*"}, True),
        ("other-service", {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}, False),
        ("other-function", {"kms:EncryptionContext:aws:lambda:FunctionArn": f"{FUNCTION}other-*"}, False),
        ("other-context", {"kms:EncryptionContext:SecretARN": f"{FUNCTION}kept-shut"}, False),
    ],
)
def test_variables_are_shown_to_who_may_use_the_key(
    cloud: Cloud, kept_shut: str, key: str, who: str, right: dict[str, str] | None, shown: bool
) -> None:
    """Through Lambda, and with the function as the context; all others get an Error in their place. Lambda's guide:
    "Users without Decrypt permissions can still manage functions, but they can't view environment variables"."""
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key, "Condition": {"ArnLike": right}}
    arn = cloud.role(f"reads-{who}", _GET, *([] if right is None else [decrypt]))
    client = cloud.client("lambda", cloud.become(arn))
    answers = [
        client.get_function(FunctionName=kept_shut)["Configuration"]["Environment"],
        client.get_function_configuration(FunctionName=kept_shut)["Environment"],
    ]
    codes = [answer.get("Error", {}).get("ErrorCode") for answer in answers]

    assert [{"OWN": "mine"} if shown else None] * 2 == [answer.get("Variables") for answer in answers]
    assert [None if shown else "AccessDeniedException"] * 2 == codes


def test_variables_under_lambdas_own_key_are_shown(cloud: Cloud, role: str) -> None:
    """Without a customer's key the right to read the function is enough; the root user needs none."""
    cloud.function("open", _SAYS, role, Environment={"Variables": {"OWN": "mine"}})
    client = cloud.client("lambda", cloud.become(cloud.role("reads-open", _GET)))
    root = cloud.client("lambda").get_function_configuration(FunctionName="open")

    assert {"OWN": "mine"} == client.get_function_configuration(FunctionName="open")["Environment"][
        "Variables"
    ]
    assert {"OWN": "mine"} == root["Environment"]["Variables"]


def _logged(cloud: Cloud, group: str, last: str) -> str:
    logs = cloud.client("logs")

    def text() -> str:
        events = logs.filter_log_events(logGroupName=group)["events"]
        return "\n".join(event["message"] for event in events)

    return until(lambda: said if last in (said := text()) else "", f"{last} in {group}")
