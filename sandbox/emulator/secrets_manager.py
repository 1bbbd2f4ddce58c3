"""Mends of Secrets Manager: a rotation that really calls its function."""

import contextvars
import json
import logging
import threading
import time
from fnmatch import fnmatchcase
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import lambda_svc
from ministack.services import secretsmanager as service
from ministack.services.cloudformation import provisioners

from sandbox.emulator.encryption import Refusal, refused
from sandbox.emulator.handlers import Made, Properties, register

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
_SERVICE = "secretsmanager.amazonaws.com"
_INCOMPLETE = "A previous rotation isn't complete. That rotation will be reattempted."
_VALUES = ("SecretString", "SecretBinary")
_VALIDATION = "RequestToValidateKeyAccess"  # in place of a version, where a key is chosen
_NO_KEY = "Access to KMS is not allowed"
_log = logging.getLogger("rotation")
_running: dict[str, list[str]] = {}  # by a secret's ARN the tokens to rotate, the first of them now
_tested: set[str] = set()  # the versions that try out a rotation, and are to become none
_lock = threading.Lock()


class RefusedError(Exception):
    """Secrets Manager's error code, and its message."""


def rotation() -> None:
    """AWS: RotateSecret calls the function's four steps with a new version's token; a rotation that did not come
    to its end is tried again first. With RotateImmediately=false it makes a pending version, calls testSecret alone,
    and removes the version again (RotateSecret in Secrets Manager's API); moto makes it a copy of the current one, and
    is held to AWS's answers (getmoto/moto#8504). ministack: it calls nothing, and makes a copy of the old value
    current."""
    known = service._rotate_secret

    def rotate(data: dict[str, Any]) -> Any:
        _, secret = service._resolve(data.get("SecretId"))
        if not secret or secret.get("DeletedDate") or service._is_replica(secret):
            return known(data)  # it refuses these as AWS does
        _set_rules(secret, data.get("RotationLambdaARN"), data.get("RotationRules"))
        token = data.get("ClientRequestToken") or new_uuid()
        try:
            if data.get("RotateImmediately", True):
                _begin(secret, token)
            else:
                _try_out(secret)
        except RefusedError as error:
            return service.error_response_json(error.args[0], error.args[1], 400)
        return service.json_response({"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token})

    service._rotate_secret = rotate


def _set_rules(secret: dict[str, Any], function: str | None, rules: Any) -> None:
    secret["RotationLambdaARN"] = function or secret.get("RotationLambdaARN")
    secret["RotationRules"] = rules or secret.get("RotationRules")
    secret["RotationEnabled"] = True


def _begin(secret: dict[str, Any], token: str) -> None:
    """Make the pending version, and call the four steps in the background, as AWS does. Raises RefusedError."""
    _callable(secret)
    pending, version = service._find_stage_version(secret, "AWSPENDING")
    if pending in _tested:
        raise RefusedError("InvalidRequestException", _INCOMPLETE)
    unfinished = pending and pending != token and "AWSCURRENT" not in version["Stages"]
    if not unfinished:
        made: dict[str, Any] = {
            "SecretString": None,
            "SecretBinary": None,
            "CreatedDate": int(time.time()),
            "Stages": [],
        }
        secret["Versions"].setdefault(token, made)
        # A label is on one version: left on an old one, the rotation after the next would begin with that again.
        service._remove_stage_everywhere(secret, "AWSPENDING", token)
        service._add_stage(secret, token, "AWSPENDING")
    asked = pending if unfinished else token
    _queue(secret, asked)
    if unfinished:
        raise RefusedError("InvalidRequestException", _INCOMPLETE)


def _try_out(secret: dict[str, Any]) -> None:
    """Let the function test a copy of the current version, in the background. Raises RefusedError.

    A rotation under way or unfinished is left alone.
    """
    _callable(secret)
    pending, version = service._find_stage_version(secret, "AWSPENDING")
    current, held = service._find_stage_version(secret, "AWSCURRENT")
    if not current or (pending and "AWSCURRENT" not in version["Stages"]):
        return
    token = new_uuid()
    service._remove_stage_everywhere(secret, "AWSPENDING", token)
    secret["Versions"][token] = {**held, "CreatedDate": int(time.time()), "Stages": ["AWSPENDING"]}
    _tested.add(token)
    _queue(secret, token)


def _callable(secret: dict[str, Any]) -> None:
    """Raises RefusedError where the secret has no function, or one that Secrets Manager may not call."""
    function = secret.get("RotationLambdaARN")
    if not function:
        raise RefusedError(
            "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret."
        )
    if not _may_call(function, secret["ARN"]):
        raise RefusedError(
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
            f"access to the principal {_SERVICE}.",
        )


def _queue(secret: dict[str, Any], asked: str) -> None:
    """Work on the version `asked` after what is under way."""
    with _lock:
        tokens = _running.setdefault(secret["ARN"], [])
        idle = not tokens
        if asked not in tokens:
            tokens.append(asked)
    if idle:
        scope = contextvars.copy_context()  # whose account and region it is
        threading.Thread(target=scope.run, args=(_rotate_all, secret, tokens), daemon=True).start()


def _rotate_all(secret: dict[str, Any], tokens: list[str]) -> None:
    """One after the other: a rotation asked for while the one before gives its answer is not lost. What is said of
    one is said when it has ended, so that whoever reads it may ask again."""
    while True:
        try:
            steps = ("testSecret",) if tokens[0] in _tested else STEPS
            failed = next(filter(None, (_call(secret, step, tokens[0]) for step in steps)), "")
        except Exception as error:  # what broke one rotation is no reason to lose the next
            failed = f"{type(error).__name__}: {error}"
        if tokens[0] in _tested:
            secret["Versions"].pop(tokens[0], None)
            _tested.discard(tokens[0])
        elif not failed:
            secret["LastRotatedDate"] = int(time.time())
        with _lock:
            tokens.pop(0)
            last = not tokens
        if failed:
            _log.error("rotation of %s: %s", secret["Name"], failed)
        if last:
            return


def _call(secret: dict[str, Any], step: str, token: str) -> str:
    """Let the function do a step; returns what failed, or nothing."""
    function, config, _ = lambda_svc._get_func_record_for_ref_in_scope(secret["RotationLambdaARN"])
    if function is None or config is None:
        return f"there is no function {secret['RotationLambdaARN']}"
    record = lambda_svc._execution_record_for_config(function, config)
    event = {"Step": step, "SecretId": secret["ARN"], "ClientRequestToken": token}
    result = lambda_svc._execute_function_with_config_scope(record, event)
    if result.get("error") or result.get("throttle"):
        return f"{step} failed: {json.dumps(result.get('body'))}"
    return ""


def _may_call(function_arn: str, secret_arn: str) -> bool:
    """Whether the function's own policy lets Secrets Manager call it for this secret."""
    function, _, _ = lambda_svc._get_func_record_for_ref_in_scope(function_arn)
    for statement in (function or {}).get("policy", {}).get("Statement", []):
        conditions = statement.get("Condition", {})
        sources = [
            value
            for test in conditions.values()
            for key, value in test.items()
            if key.lower() == "aws:sourcearn"
        ]
        accounts = [
            value
            for test in conditions.values()
            for key, value in test.items()
            if key.lower() == "aws:sourceaccount"
        ]
        if (
            statement["Effect"] == "Allow"
            and statement.get("Principal", {}).get("Service") == _SERVICE
            and all(fnmatchcase(secret_arn, source) for source in sources)
            and all(secret_arn.split(":")[4] == account for account in accounts)
        ):
            return True
    return False


def values_without_content() -> None:
    """AWS: a version without a value can't be read, nor one under a label that it doesn't bear. ministack: it
    answers with neither text nor bytes. The error of the second is moto's, whose tests run against AWS too."""
    read = service._get_secret_value

    def judged(data: dict[str, Any]) -> Any:
        _, secret = service._resolve(data.get("SecretId"))
        version = _asked(secret, data) if secret and not secret.get("DeletedDate") else None
        if version is not None:
            label = data.get("VersionStage")
            if data.get("VersionId") and label is not None and label not in version["Stages"]:
                said = "You provided a VersionStage that is not associated to the provided VersionId."
                return service.error_response_json("InvalidRequestException", said, 400)
            if all(version.get(name) is None for name in _VALUES):
                return service.error_response_json(
                    "ResourceNotFoundException",
                    "Secrets Manager can't find the specified secret value for staging label: "
                    f"{label or 'AWSCURRENT'}",
                    400,
                )
        return read(data)

    service._get_secret_value = judged


def _asked(secret: dict[str, Any], data: dict[str, Any]) -> dict[str, Any] | None:
    if data.get("VersionId"):
        found: dict[str, Any] | None = secret["Versions"].get(data["VersionId"])
    else:
        _, found = service._find_stage_version(secret, data.get("VersionStage") or "AWSCURRENT")
    return found


def versions_that_stay() -> None:
    """AWS: what a version holds never changes. PutSecretValue with the token of one that is there does nothing where
    the value is the same, and is refused where it is another. ministack: it takes the other. Source: PutSecretValue in
    Secrets Manager's API reference, ClientRequestToken and ResourceExistsException."""
    put = service._put_secret_value

    def judged(data: dict[str, Any]) -> Any:
        _, secret = service._resolve(data.get("SecretId"))
        token = data.get("ClientRequestToken", "")
        held = secret["Versions"].get(token) if secret and not secret.get("DeletedDate") else None
        values = [held.get(name) for name in _VALUES] if held else []
        if secret is None or held is None or values == [None, None]:
            return put(data)  # a rotation's version has no value at first
        if values != [data.get(name) for name in _VALUES]:
            said = f"You can't use ClientRequestToken {token} because it's already in use."
            return service.error_response_json("ResourceExistsException", said, 400)
        told = {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token}
        return service.json_response({**told, "VersionStages": list(held["Stages"])})

    service._put_secret_value = judged


def secrets_without_value() -> None:
    """AWS: a secret that is made without a value has no version yet. ministack: it names one. Source: CreateSecret in
    Secrets Manager's API reference, ClientRequestToken."""
    create = service._create_secret

    def told(data: dict[str, Any]) -> Any:
        status, headers, body = create(data)
        found = json.loads(body)
        if status == 200 and all(data.get(name) is None for name in _VALUES):
            found.pop("VersionId", None)
        return status, headers, json.dumps(found).encode()

    service._create_secret = told


def keys_of_secrets() -> None:
    """AWS: whoever reads or writes a secret under a customer's key needs the key as well, for this secret and version.
    ministack: nobody does. Source: "Secret encryption and decryption in AWS Secrets Manager" in Secrets Manager's user
    guide, and the errors of GetSecretValue and PutSecretValue in its API reference."""
    create, read, put, update = (
        service._create_secret,
        service._get_secret_value,
        service._put_secret_value,
        service._update_secret,
    )

    def created(data: dict[str, Any]) -> Any:
        answer = create(data)
        refusal = _refused_new(service._secrets[data["Name"]]) if answer[0] == 200 else None
        if refusal is None:
            return answer
        del service._secrets[data["Name"]]
        return _denied(refusal, "Encryption")

    def got(data: dict[str, Any]) -> Any:
        answer = read(data)
        if answer[0] != 200:
            return answer
        _, secret = service._resolve(data["SecretId"])
        refusal = _refused_to_open(secret, json.loads(answer[2])["VersionId"])
        return _denied(refusal, "Decryption") if refusal else answer

    def stored(data: dict[str, Any]) -> Any:
        secret, token = _changeable(data), data.get("ClientRequestToken") or new_uuid()
        refusal = _refused_to_store(secret, token) if secret else None
        return _denied(refusal, "Encryption") if refusal else put({**data, "ClientRequestToken": token})

    def updated(data: dict[str, Any]) -> Any:
        secret = _changeable(data)
        if secret is None:
            return update(data)
        changes = data.get("KmsKeyId", secret.get("KmsKeyId")) != secret.get("KmsKeyId")
        refusal = _refused_to_update(secret, data, changes)
        if refusal is None and changes:
            _keep_keys(secret, data["KmsKeyId"])
        return _denied(refusal, "Encryption") if refusal else update(data)

    service._create_secret, service._get_secret_value = created, got
    service._put_secret_value, service._update_secret = stored, updated


def _changeable(data: dict[str, Any]) -> dict[str, Any] | None:
    """The secret of a request that changes one; None where it will be refused for another reason."""
    _, secret = service._resolve(data.get("SecretId"))
    if not secret or secret.get("DeletedDate") or service._is_replica(secret):
        return None
    found: dict[str, Any] = secret
    return found


def _denied(refusal: Refusal, failed: str) -> Any:
    if refusal.code == "AccessDenied":
        return service.error_response_json("AccessDeniedException", _NO_KEY, 400)
    said = f"Secrets Manager can't {failed[:7].lower()} the protected secret text using the provided KMS key."
    return service.error_response_json(f"{failed}Failure", said, 400)


def _ask(operation: str, key: object, secret: dict[str, Any], version: str) -> Refusal | None:
    thing = {"SecretARN": secret["ARN"], "SecretVersionId": version}
    return refused(f"secretsmanager:{operation}", key, thing)


def _refused_new(secret: dict[str, Any]) -> Refusal | None:
    """KMS's error for a secret that was just made."""
    key = secret.get("KmsKeyId")
    filled = [
        version
        for version, held in secret["Versions"].items()
        if any(held.get(name) is not None for name in _VALUES)
    ]
    asked = [_ask("ChooseKey", key, secret, _VALIDATION)]
    asked += [_ask("PutSecretValue", key, secret, version) for version in filled]
    return next(filter(None, asked), None)


def _refused_to_open(secret: dict[str, Any], version: str) -> Refusal | None:
    """KMS's error for a version's value, which may lie under more keys than one: the newest that opens is enough, and
    those before it aren't asked."""
    keys = secret["Versions"][version].get("KmsKeyIds") or [secret.get("KmsKeyId")]
    refusals = []
    for key in reversed(keys):
        refusal = _ask("GetSecretValue", key, secret, version)
        if refusal is None:
            return None
        refusals.append(refusal)
    return refusals[0]


def _refused_to_store(secret: dict[str, Any], token: str) -> Refusal | None:
    held = secret["Versions"].get(token) or {}
    if any(held.get(name) is not None for name in _VALUES):  # it is compared with the one that is asked for
        return _refused_to_open(secret, token)
    return _ask("PutSecretValue", secret.get("KmsKeyId"), secret, token)


def _refused_to_update(secret: dict[str, Any], data: dict[str, Any], changes: bool) -> Refusal | None:
    key = data.get("KmsKeyId", secret.get("KmsKeyId"))
    asked = []
    if changes:
        asked = [_ask("ChooseKey", key, secret, _VALIDATION)]
        asked += [_ask("ChangeKey", key, secret, version) for version in _in_use(secret)]
    if any(data.get(name) is not None for name in _VALUES):
        asked.append(_ask("PutSecretValue", key, secret, data.get("ClientRequestToken") or new_uuid()))
    return next(filter(None, asked), None)


def _in_use(secret: dict[str, Any]) -> list[str]:
    labels = {"AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"}
    return [version for version, held in secret["Versions"].items() if labels & set(held["Stages"])]


def _keep_keys(secret: dict[str, Any], new: object) -> None:
    """AWS leaves each version under its old key, and puts those in use under the new one as well, where the caller may
    open them."""
    used = [version for version in _in_use(secret) if _refused_to_open(secret, version) is None]
    for version, held in secret["Versions"].items():
        held["KmsKeyIds"] = [
            *(held.get("KmsKeyIds") or [secret.get("KmsKeyId")]),
            *([new] if version in used else []),
        ]


def keys_of_stacks() -> None:
    """AWS: so it is for a stack's secrets and for what it resolves. ministack: CloudFormation goes past the API."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, delete, resolve = handler["create"], handler["delete"], service.resolve_secret_string

    def created(logical: str, properties: Properties, stack: str) -> Made:
        made: Made = create(logical, properties, stack)
        _, secret = service._resolve(made[0])
        if _refused_new(secret) is not None:
            delete(made[0], properties)
            raise ValueError(f"{_NO_KEY} (HandlerErrorCode: AccessDenied)")
        return made

    def resolved(name: str, stage: str = "AWSCURRENT", version: str | None = None) -> Any:
        _, secret = service._resolve(name, use_arn_scope=True)
        asked = str(version or (service._find_stage_version(secret, stage)[0] if secret else ""))
        if secret and asked in secret["Versions"] and _refused_to_open(secret, asked):
            raise ValueError(_NO_KEY)
        return resolve(name, stage, version)

    handler["create"], service.resolve_secret_string = created, resolved


def rotation_schedule() -> None:
    """AWS: AWS::SecretsManager::RotationSchedule sets a secret's rotation, and rotates at once unless told not to.
    ministack: an unknown type."""

    def apply(properties: Properties) -> Made:
        _, secret = service._resolve(properties["SecretId"])
        if not secret:
            raise ValueError("Secrets Manager can't find the specified secret.")
        _set_rules(secret, properties.get("RotationLambdaARN"), properties.get("RotationRules"))
        at_once = str(properties.get("RotateImmediatelyOnUpdate", True)).lower() == "true"
        try:
            if at_once:
                _begin(secret, new_uuid())
            else:
                _try_out(secret)
        except RefusedError as error:
            raise ValueError(error.args[1]) from error
        return str(secret["ARN"]), {}

    def create(_logical: str, properties: Properties, _stack: str) -> Made:
        return apply(properties)

    def update(_physical: str, _old: Properties, new: Properties) -> Made:
        return apply(new)

    def delete(physical: str, _properties: Properties) -> None:
        _, secret = service._resolve(physical)
        if secret:
            secret["RotationEnabled"] = False

    register("AWS::SecretsManager::RotationSchedule", create, update, delete)


MENDS = (
    rotation,
    values_without_content,
    versions_that_stay,
    secrets_without_value,
    keys_of_secrets,
    keys_of_stacks,
    rotation_schedule,
)
