"""The functions of a release: what its template says of each, and what Lambda runs."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from pipeline.delivery import aws
from pipeline.delivery.bundle import DIGEST
from pipeline.source.functions import functions
from pipeline.source.stacks import Stack as Template
from pipeline.source.values import Hole, Partial, refers


@dataclass(frozen=True)
class Function:
    """A function as a bundle's template has it in one environment.

    `code` is the SHA-256 of its archive in hex, "" where its code isn't the bundle's; `aliases` are what it is called
    by; `settings` its properties, with holes where only AWS knows the value.
    """

    id: str
    code: str
    aliases: tuple[str, ...]
    settings: Mapping[str, Any]

    def called(self, alias: str) -> str:
        """The function by one of its aliases, or as it stands, in messages."""
        return f"{self.id}:{alias}" if alias else self.id

    @property
    def encoded(self) -> str:
        """The digest of its code as Lambda writes it."""
        return base64.b64encode(bytes.fromhex(self.code)).decode()


def of(template: Template) -> Iterator[Function]:
    """Every function that the template makes, also those that nobody wrote as one."""
    for one in functions(template):
        names = {
            str(alias.get("Name"))
            for alias in template.of_type("AWS::Lambda::Alias")
            if one.id in refers(alias.get("FunctionName"))
        }
        key = str(one.get("Code", "S3Key"))
        yield Function(one.id, key if DIGEST.fullmatch(key) else "", tuple(sorted(names)), one.properties)


def names(session: boto3.Session, stack: str) -> dict[str, str]:
    """The physical names of a stack's resources, by logical id."""
    pages = session.client("cloudformation", config=aws.CONFIG).get_paginator("list_stack_resources")
    with aws.errors(f"listing the resources of {stack}"):
        return {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for page in pages.paginate(StackName=stack)
            for one in page["StackResourceSummaries"]
            if one.get("PhysicalResourceId") and one.get("ResourceStatus") != "DELETE_COMPLETE"
        }


def configuration(session: boto3.Session, name: str, alias: str = "") -> Mapping[str, Any] | None:
    """What Lambda runs by an alias, or as it stands; None when there is none."""
    more = {"Qualifier": alias} if alias else {}
    with aws.errors(f"reading back {name}{':' if alias else ''}{alias}"):
        try:
            answer = session.client("lambda", config=aws.CONFIG).get_function(FunctionName=name, **more)
        except ClientError as error:
            if aws.code(error) != "ResourceNotFoundException":
                raise
            return None
    found: Mapping[str, Any] = answer["Configuration"]
    return found


def told(value: Any, resolved: Mapping[str, str]) -> str | None:
    """A setting as text, with what CloudFormation `resolved` of SSM; None where only AWS knows it."""
    if isinstance(value, Partial):
        parts = [part if isinstance(part, str) else _filled(part, resolved) for part in value.parts]
        return None if None in parts else "".join(map(str, parts))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else None


def _filled(hole: Hole, resolved: Mapping[str, str]) -> str | None:
    return resolved.get(hole.name) if hole.kind == "parameter" else None
