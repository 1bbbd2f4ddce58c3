"""Mends of properties that CloudFormation drops on the way."""

import json
import secrets
import string
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import lambda_svc, s3, secretsmanager
from ministack.services.cloudformation import provisioners

from sandbox.emulator.handlers import Made, Properties, after


def bucket_settings() -> None:
    """AWS: a bucket gets the encryption, Object Lock, lifecycle, ownership and logging of its properties.
    ministack: they are dropped, so that a locked bucket's objects could be deleted."""
    after("AWS::S3::Bucket", _settle_bucket)


def _settle_bucket(name: str, properties: Properties) -> None:
    if "BucketEncryption" in properties:
        rules = [
            {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
            for rule in properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        ]
        _put(s3._put_bucket_encryption, name, "ServerSideEncryptionConfiguration", {"Rule": rules})
    if "ObjectLockConfiguration" in properties:
        _put(
            s3._put_object_lock_configuration,
            name,
            "ObjectLockConfiguration",
            properties["ObjectLockConfiguration"],
        )
    elif _true(properties.get("ObjectLockEnabled")):
        s3._bucket_object_lock[name] = {"enabled": True, "default_retention": None}
    if "LifecycleConfiguration" in properties:
        rules = [_lifecycle(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
        _put(s3._put_bucket_lifecycle, name, "LifecycleConfiguration", {"Rule": rules})
    if "OwnershipControls" in properties:
        rules = properties["OwnershipControls"]["Rules"]
        _put(s3._put_bucket_ownership_controls, name, "OwnershipControls", {"Rule": rules})
    if "LoggingConfiguration" in properties:
        logging = properties["LoggingConfiguration"]
        target = {
            "TargetBucket": logging.get("DestinationBucketName", name),
            "TargetPrefix": logging.get("LogFilePrefix", ""),
        }
        _put(s3._put_bucket_logging, name, "BucketLoggingStatus", {"LoggingEnabled": target})


def _lifecycle(rule: Properties) -> Properties:
    """A lifecycle rule in the words of S3's API."""
    said: Properties = {"ID": rule.get("Id", ""), "Filter": {"Prefix": rule.get("Prefix", "")}}
    said["Status"] = rule["Status"]
    if "ExpirationInDays" in rule:
        said["Expiration"] = {"Days": rule["ExpirationInDays"]}
    for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if name in rule:
            said[name] = rule[name]
    return said


def _put(put: Any, bucket: str, tag: str, value: Properties) -> None:
    status, _, body = put(bucket, _xml(tag, value).encode())
    if status >= 400:
        raise ValueError(f"AWS::S3::Bucket {bucket}: {tag}: {body!r}")


def _xml(tag: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_xml(tag, each) for each in value)
    inner = "".join(_xml(*item) for item in value.items()) if isinstance(value, dict) else escape(str(value))
    return f"<{tag}>{inner}</{tag}>"


def function_settings() -> None:
    """AWS: a function gets the reserved concurrency, the key and the dead-letter queue of its properties.
    ministack: they are dropped, so that no number of requests at once is too many."""

    def apply(name: str, properties: Properties) -> None:
        function = lambda_svc._functions[name]
        reserved = properties.get("ReservedConcurrentExecutions")
        function["concurrency"] = None if reserved is None else int(reserved)
        function["config"]["KMSKeyArn"] = properties.get("KmsKeyArn", "")
        if "DeadLetterConfig" in properties:
            function["config"]["DeadLetterConfig"] = properties["DeadLetterConfig"]

    after("AWS::Lambda::Function", apply)


def secrets_by_arn() -> None:
    """AWS: !Ref of a secret gives its ARN. ministack: its name."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def name_of(physical: str) -> str:
        found, _ = secretsmanager._resolve(physical)
        return str(found or physical)

    def created(logical: str, properties: Properties, stack: str) -> Made:
        _, attributes = create(logical, properties, stack)
        return attributes["Id"], attributes

    def updated(physical: str, old: Properties, new: Properties, *rest: Any) -> Made:
        _, attributes = update(name_of(physical), old, new, *rest)
        return attributes["Id"], attributes

    def deleted(physical: str, properties: Properties) -> None:
        delete(name_of(physical), properties)

    handler.update(create=created, update=updated, delete=deleted)


def generated_passwords() -> None:
    """AWS: a generated secret heeds every Exclude setting and holds each kind of character that is left; one with
    neither SecretString nor GenerateSecretString has no value. ministack: it heeds ExcludeCharacters alone, and draws
    from a generator that can be foretold; the value is an empty text."""
    declared = provisioners._sm_secret_string

    def made(properties: Properties) -> str | None:
        asked = properties.get("GenerateSecretString")
        if asked is None or properties.get("SecretString"):
            text: str = declared(properties)
            return text or None
        password = _password(asked)
        if "SecretStringTemplate" not in asked:
            return password
        value = json.loads(asked["SecretStringTemplate"])
        value[asked["GenerateStringKey"]] = password
        return json.dumps(value)

    provisioners._sm_secret_string = made


def _password(asked: Properties) -> str:
    kinds = {
        "ExcludeLowercase": string.ascii_lowercase,
        "ExcludeUppercase": string.ascii_uppercase,
        "ExcludeNumbers": string.digits,
        "ExcludePunctuation": string.punctuation,
    }
    excluded = set(asked.get("ExcludeCharacters", ""))
    left = [
        "".join(letter for letter in letters if letter not in excluded)
        for setting, letters in kinds.items()
        if not _true(asked.get(setting))
    ]
    alphabets = [letters for letters in left if letters]
    length = int(asked.get("PasswordLength", 32))
    while True:
        password = "".join(secrets.choice("".join(alphabets)) for _ in range(length))
        if all(set(password) & set(letters) for letters in alphabets):
            return password


def _true(value: object) -> bool:
    return str(value).lower() == "true"


MENDS = (bucket_settings, function_settings, secrets_by_arn, generated_passwords)
