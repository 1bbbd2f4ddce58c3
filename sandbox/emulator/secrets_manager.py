"""Mends of Secrets Manager: a rotation that really calls its function."""

import contextvars
import json
import logging
import threading
import time
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import lambda_svc
from ministack.services import secretsmanager as service
from ministack.services.cloudformation import provisioners

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
_log = logging.getLogger("rotation")


def rotation() -> None:
    """AWS: RotateSecret calls the function's four steps with a new version's token. ministack: it calls nothing,
    and makes a copy of the old value the current one."""

    def rotate(data: dict[str, Any]) -> Any:
        _, secret = service._resolve(data.get("SecretId"))
        if not secret:
            message = "Secrets Manager can't find the specified secret."
            return service.error_response_json("ResourceNotFoundException", message, 400)
        secret["RotationLambdaARN"] = data.get("RotationLambdaARN") or secret.get("RotationLambdaARN")
        secret["RotationRules"] = data.get("RotationRules") or secret.get("RotationRules")
        secret["RotationEnabled"] = True
        if not secret["RotationLambdaARN"]:
            message = "No Lambda rotation function ARN is associated with this secret."
            return service.error_response_json("InvalidRequestException", message, 400)
        token = data.get("ClientRequestToken") or new_uuid()
        if data.get("RotateImmediately", True):
            begin(secret, token)
        return service.json_response({"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token})

    service._rotate_secret = rotate


def begin(secret: dict[str, Any], token: str) -> None:
    """Make the pending version, and call the four steps in the background, as AWS does."""
    service._remove_stage_everywhere(secret, "AWSPENDING")
    secret["Versions"].setdefault(
        token, {"SecretString": None, "SecretBinary": None, "CreatedDate": int(time.time()), "Stages": []}
    )["Stages"].append("AWSPENDING")
    scope = contextvars.copy_context()  # whose account and region it is
    threading.Thread(target=scope.run, args=(_steps, secret, token), daemon=True).start()


def _steps(secret: dict[str, Any], token: str) -> None:
    for step in STEPS:
        function, config, _ = lambda_svc._get_func_record_for_ref_in_scope(secret["RotationLambdaARN"])
        if function is None or config is None:
            _log.error("rotation of %s: there is no function %s", secret["Name"], secret["RotationLambdaARN"])
            return
        record = lambda_svc._execution_record_for_config(function, config)
        event = {"Step": step, "SecretId": secret["ARN"], "ClientRequestToken": token}
        result = lambda_svc._execute_function_with_config_scope(record, event)
        if result.get("error"):
            _log.error("rotation of %s: %s failed: %s", secret["Name"], step, json.dumps(result.get("body")))
            return
    secret["LastRotatedDate"] = int(time.time())


def values_without_content() -> None:
    """AWS: a version without a value yet can't be read. ministack: it answers with neither text nor bytes."""
    read = service._get_secret_value

    def judged(data: dict[str, Any]) -> Any:
        _, secret = service._resolve(data.get("SecretId"))
        wanted = data.get("VersionId")
        if secret and not secret.get("DeletedDate"):
            version = secret["Versions"].get(wanted) if wanted else None
            if not wanted:
                _, version = service._find_stage_version(secret, data.get("VersionStage", "AWSCURRENT"))
            staged = version and data.get("VersionStage") in (None, *version["Stages"])
            empty = version and version.get("SecretString") is None and version.get("SecretBinary") is None
            if version and (empty or not staged):
                message = "Secrets Manager can't find the specified secret value for staging label: " + str(
                    data.get("VersionStage", "AWSCURRENT")
                )
                return service.error_response_json("ResourceNotFoundException", message, 400)
        return read(data)

    service._get_secret_value = judged


def rotation_schedule() -> None:
    """AWS: AWS::SecretsManager::RotationSchedule sets a secret's rotation, and rotates at once unless told not to.
    ministack: an unknown type."""

    def apply(properties: dict[str, Any]) -> str:
        _, secret = service._resolve(properties["SecretId"])
        secret["RotationLambdaARN"] = properties.get("RotationLambdaARN")
        secret["RotationRules"] = properties.get("RotationRules")
        secret["RotationEnabled"] = True
        if str(properties.get("RotateImmediatelyOnUpdate", True)).lower() == "true":
            begin(secret, new_uuid())
        return str(secret["ARN"])

    def create(_logical: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
        return apply(properties), {}

    def update(_physical: str, _old: dict[str, Any], new: dict[str, Any]) -> tuple[str, dict[str, str]]:
        return apply(new), {}

    def delete(physical: str, _properties: dict[str, Any]) -> None:
        _, secret = service._resolve(physical)
        if secret:
            secret["RotationEnabled"] = False

    provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::RotationSchedule"] = {
        "create": create,
        "update": update,
        "delete": delete,
    }


MENDS = (rotation, values_without_content, rotation_schedule)
