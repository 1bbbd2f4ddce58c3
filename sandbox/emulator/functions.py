"""Mends of Lambda: what a function sees, and what is kept of what it says."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc

from sandbox.emulator import builds, encryption

# What AWS's Python runtimes bring along: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
_RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")

_AT_ONCE = 1000  # executions
_IDLE_SECONDS = 300  # AWS names no number; a few minutes is what people see

# AWS installs a handler on the root logger, in this form; its level stays Python's default, WARNING.
_PREAMBLE = """
import logging as _logging, os as _os, sys as _sys
_sys.path.append(_os.environ.pop("_SANDBOX_RUNTIME"))
_handler = _logging.StreamHandler(_sys.stderr)
_form = "[%(levelname)s]\\t%(asctime)s.%(msecs)03dZ\\t%(message)s"
_handler.setFormatter(_logging.Formatter(_form, "%Y-%m-%dT%H:%M:%S"))
_logging.getLogger().addHandler(_handler)
"""


def own_surroundings() -> None:
    """AWS: a function sees its own variables, its own packages, and what the runtime brings. ministack: it also
    sees the emulator's variables and packages, so that one that is missing from its zip is found all the same."""
    runtime = _runtime()
    given = dict(os.environ)

    def start(words: list[str], *, env: dict[str, str], **options: Any) -> subprocess.Popen[str]:
        if not words[0].rpartition("/")[2].startswith("python"):
            return subprocess.Popen(words, env=env, **options)
        # AWS: a function runs on the machine that its packages are for. Here: on this one, with its builds of them.
        for lacking in builds.lend(Path(options["cwd"]), Path(given["SANDBOX_PACKAGES"])):
            print(lacking, file=sys.stderr, flush=True)
        own = {name: value for name, value in env.items() if given.get(name) != value}
        own |= {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "TMPDIR": given["TMPDIR"],
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_ENDPOINT_URL": f"https://localhost:{given['GATEWAY_PORT']}",
            "AWS_CA_BUNDLE": given["SANDBOX_CA_BUNDLE"],
            "SSL_CERT_FILE": given["SANDBOX_CA_BUNDLE"],
            "_SANDBOX_RUNTIME": str(runtime),
        }
        for name in ("NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"):
            own.pop(name, None)
        return subprocess.Popen([words[0], "-I", "-S", *words[1:]], env=own, **options)

    lambda_runtime.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": start})


def kept_logs() -> None:
    """AWS: what a function logs by `logging` is kept, warnings and above unless it says otherwise. ministack: it
    is lost, save where the function brings a handler of its own."""
    lambda_runtime._PYTHON_WORKER_SCRIPT = _PREAMBLE + lambda_runtime._PYTHON_WORKER_SCRIPT


def environments_that_end() -> None:
    """AWS: an execution environment that nobody uses ends within minutes, its connections with it. ministack: the
    first of each version stays, so that every release leaves a connection to the database behind."""

    def reap() -> int:
        now, idle = time.time(), []
        with lambda_runtime._lock:
            for key, found in list(lambda_runtime._workers.items()):
                idle += [one for one in found if not one.in_use and now - one.last_used > _IDLE_SECONDS]
                lambda_runtime._workers[key] = [one for one in found if one not in idle]
        lambda_runtime.kill_workers(idle)
        return len(idle)

    lambda_svc.reap_idle_workers = reap


def variables_by_key() -> None:
    """AWS: GetFunction and GetFunctionConfiguration show variables under a customer's key to who may decrypt with it
    through Lambda; the others get an Error in their place (https://docs.aws.amazon.com/lambda/latest/dg/
    configuration-envvars-encryption.html, and EnvironmentResponse in Lambda's API). ministack: it shows them to all."""

    def judged(answer: Callable[..., tuple[int, Any, bytes]]) -> Callable[..., tuple[int, Any, bytes]]:
        def answered(*words: Any) -> tuple[int, Any, bytes]:
            status, headers, body = answer(*words)
            found = json.loads(body)
            config = found.get("Configuration", found)
            if (
                status == 200
                and config.get("KMSKeyArn")
                and (config.get("Environment") or {}).get("Variables")
            ):
                config["Environment"] = _shown(config)
                body = json.dumps(found).encode()
            return status, headers, body

        return answered

    for name in ("_get_function", "_get_function_config"):
        setattr(lambda_svc, name, judged(getattr(lambda_svc, name)))


def _shown(config: dict[str, Any]) -> dict[str, Any]:
    """A function's variables as the caller gets them."""
    arn = f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{config['FunctionName']}"
    refusal = encryption.refused("lambda:GetFunction", config["KMSKeyArn"], {"aws:lambda:FunctionArn": arn})
    if refusal is None:
        return dict(config["Environment"])
    said = (
        "Lambda was unable to decrypt your environment variables because the KMS access was denied. Please check your "
        f"KMS permissions. KMS Exception: {refusal.code}Exception KMS Message: {refusal.message}"
    )
    return {"Error": {"ErrorCode": f"{refusal.code}Exception", "Message": said}}


def aliases_of_versions() -> None:
    """AWS: an alias is for a version that is there. ministack: for any. Source: CreateAlias and UpdateAlias in Lambda's
    API reference, ResourceNotFoundException."""
    create, update = lambda_svc._create_alias, lambda_svc._update_alias

    def refused(function: str, data: dict[str, Any]) -> Any:
        record, version = lambda_svc._functions.get(function), str(data.get("FunctionVersion") or "$LATEST")
        if record is None or version == "$LATEST" or version in record["versions"]:
            return None
        said = f"Function not found: {lambda_svc._func_arn(function)}:{version}"
        return lambda_svc.error_response_json("ResourceNotFoundException", said, 404)

    lambda_svc._create_alias = lambda name, data: refused(name, data) or create(name, data)
    lambda_svc._update_alias = lambda name, alias, data: refused(name, data) or update(name, alias, data)


def policies_that_are_there() -> None:
    """AWS: a function that nobody was given rights on has no policy. ministack: one without statements.
    Source: GetPolicy in Lambda's API reference, ResourceNotFoundException."""
    read = lambda_svc._get_policy

    def judged(function: str, *rest: Any) -> Any:
        status, headers, body = read(function, *rest)
        if status == 200 and not json.loads(json.loads(body)["Policy"])["Statement"]:
            said = "No policy is associated with the given resource."
            return lambda_svc.error_response_json("ResourceNotFoundException", said, 404)
        return status, headers, body

    lambda_svc._get_policy = judged


def updates_of_what_serves() -> None:
    """AWS: while a function's code or settings are updated it stays Active, and LastUpdateStatus says InProgress.
    ministack: it is Pending, as one that is being made. Source: "Lambda function states" in Lambda's guide."""

    def serving(act: Callable[..., tuple[int, Any, bytes]]) -> Callable[..., tuple[int, Any, bytes]]:
        def done(name: str, data: dict[str, Any]) -> tuple[int, Any, bytes]:
            before = (lambda_svc._functions.get(name) or {}).get("config", {}).get("State")
            status, headers, body = act(name, data)
            if status == 200 and before == "Active":
                active = {"State": "Active", "StateReason": "", "StateReasonCode": ""}
                lambda_svc._functions[name]["config"].update(active)
                body = json.dumps({**json.loads(body), **active}).encode()
            return status, headers, body

        return done

    lambda_svc._update_code, lambda_svc._update_config = (
        serving(lambda_svc._update_code),
        serving(lambda_svc._update_config),
    )


def latest_by_its_name() -> None:
    """AWS: in a list of versions the ARN of the newest code ends in :$LATEST. ministack: in nothing.
    Source: ListVersionsByFunction in Lambda's API reference."""
    listed = lambda_svc._list_versions

    def named(name: str, query: dict[str, Any]) -> Any:
        status, headers, body = listed(name, query)
        found = json.loads(body)
        for one in found.get("Versions", ()):
            if one["Version"] == "$LATEST" and not one["FunctionArn"].endswith(":$LATEST"):
                one["FunctionArn"] += ":$LATEST"
        return status, headers, json.dumps(found).encode()

    lambda_svc._list_versions = named


def limits_of_an_account() -> None:
    """AWS: an account runs 1000 functions at once, if nobody asked for more (Lambda's guide, "Lambda quotas").
    ministack: it tells how many this machine can, of which little may be left to reserve."""
    read = lambda_svc._get_account_settings

    def told() -> Any:
        status, headers, body = read()
        found = json.loads(body)
        reserved = sum(int(one.get("concurrency") or 0) for one in lambda_svc._functions.values())
        left = {"ConcurrentExecutions": _AT_ONCE, "UnreservedConcurrentExecutions": _AT_ONCE - reserved}
        found["AccountLimit"] |= left
        return status, headers, json.dumps(found).encode()

    lambda_svc._get_account_settings = told


def _runtime() -> Path:
    """A folder with the packages that AWS's runtime brings, and no other."""
    folder = Path(tempfile.mkdtemp(prefix="runtime-"))
    for name in _RUNTIME:
        found = find_spec(name)
        if found is None or found.origin is None:
            raise ImportError(f"{name} is a part of AWS's Python runtime and is not installed here")
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


MENDS = (
    own_surroundings,
    kept_logs,
    environments_that_end,
    variables_by_key,
    aliases_of_versions,
    policies_that_are_there,
    updates_of_what_serves,
    latest_by_its_name,
    limits_of_an_account,
)
