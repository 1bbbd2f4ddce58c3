"""What IAM says that the deploy role and the execution role may, against what the checkout's bootstrap gives them.

IAM's simulator takes in what a role has in the account, its boundary and the organization's policies; the policies of
keys and buckets it doesn't. Source: IAM user guide, "IAM policy testing with the IAM policy simulator".
"""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3

from pipeline.delivery import aws, functions
from pipeline.doctor.model import OK, WRONG, Remark
from pipeline.iam.statements import IDENTITY, Statement, statements
from pipeline.source.samconfig import Environment
from pipeline.source.stacks import Stack
from pipeline.source.values import Hole, Partial, refers

_ANY = "doctor"  # stands for what a pattern takes in
_ALIKE = ("StringEquals", "StringLike", "ArnLike", "ArnEquals", "StringEqualsIgnoreCase")
_MOST_TOLD = 5  # refusals of a role
_PARALLEL = 6
_NEVER = "secretsmanager:GetSecretValue"  # of the role that jobs become
# What Ref and GetAtt give of a resource, by its type: the ARN of its physical id.
_ARNS = {
    "AWS::S3::Bucket": "arn:{partition}:s3:::{id}",
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role/{id}",
    "AWS::KMS::Key": "arn:{partition}:kms:{region}:{account}:key/{id}",
}


@dataclass(frozen=True)
class _Question:
    """What the bootstrap allows a role: actions on a resource ("" for all), in a context."""

    actions: tuple[str, ...]
    resource: str
    context: tuple[tuple[str, str], ...]


def look(group: str, session: boto3.Session, environment: Environment, bootstrap: Stack) -> Iterator[Remark]:
    """A remark a role: that it may all that the bootstrap gives it, or each thing that it may not."""
    names = functions.names(session, environment.application.bootstrap_stack)
    client = session.client("iam", config=aws.CONFIG)
    for arn in (environment.deploy_role, environment.execution_role):
        what = f"rights of {arn.rpartition('/')[2]}"
        questions = list(_questions(bootstrap, arn, environment, names))
        with ThreadPoolExecutor(_PARALLEL) as pool:
            answers = list(pool.map(lambda one, arn=arn: _refused(client, arn, one), questions))
        refused = [told for answer in answers for told in answer]
        for told in refused[:_MOST_TOLD]:
            resolve = "Deploy the bootstrap; if that is done, ask who governs the organization's policies."
            yield Remark(group, what, WRONG, told, resolve)
        if len(refused) > _MOST_TOLD:
            yield Remark(group, what, WRONG, f"and {len(refused) - _MOST_TOLD} more", "As above.")
        if not refused:
            asked = sum(len(one.actions) for one in questions)
            yield Remark(group, what, OK, f"all {asked} that were asked for, by IAM's simulator")
    if may(client, environment.deploy_role, _NEVER, "", {}):
        told = f"may call {_NEVER}, which nothing that a job becomes ever should"
        what = f"rights of {environment.deploy_role.rpartition('/')[2]}"
        yield Remark(
            group, what, WRONG, told, "Deploy the bootstrap, and take off what somebody attached by hand."
        )


def may(client: Any, role: str, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether a role may do one thing, by IAM's simulator."""
    return not _refused(client, role, _Question((action,), resource, tuple(context.items())))


def _refused(client: Any, role: str, question: _Question) -> list[str]:
    given: dict[str, Any] = {"PolicySourceArn": role, "ActionNames": list(question.actions)}
    if question.resource:
        given["ResourceArns"] = [question.resource]
    if question.context:
        given["ContextEntries"] = [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in question.context
        ]
    found = []
    for page in client.get_paginator("simulate_principal_policy").paginate(**given):
        for one in page["EvaluationResults"]:
            if one["EvalDecision"] != "allowed":
                where = f" on {question.resource}" if question.resource else ""
                found.append(f"may not {one['EvalActionName']}{where}: {one['EvalDecision']}")
    return found


def _questions(
    bootstrap: Stack, role: str, environment: Environment, names: Mapping[str, str]
) -> Iterator[_Question]:
    """What the bootstrap's statements for a role allow, with the account's own names; what only AWS could fill in is
    left out."""
    for one in statements(bootstrap):
        if one.kind != IDENTITY or not one.allows or not _is_of(one, role, bootstrap):
            continue
        actions = tuple(action for action in one.actions if "*" not in action and "?" not in action)
        context = _context(one)
        if not actions or context is None:
            continue
        given = one.body.get("Resource", [])
        for pattern in given if isinstance(given, list) else [given]:
            resource = _concrete(pattern, bootstrap, environment, names)
            if resource is not None:
                yield _Question(actions, resource, context)


def _is_of(one: Statement, role: str, bootstrap: Stack) -> bool:
    """Whether a statement is in a policy of the role: its own, or one that names it."""
    name = role.rpartition("/")[2]
    ids = [found.id for found in bootstrap.of_type("AWS::IAM::Role") if found.get("RoleName") == name]
    return one.resource.id in ids or bool(refers(one.resource.get("Roles", default=[])) & set(ids))


def _context(one: Statement) -> tuple[tuple[str, str], ...] | None:
    """A context in which the statement's conditions hold; None where that can't be told."""
    found: dict[str, str] = {}
    for operator, keys in one.conditions.items():
        if operator not in _ALIKE:
            return None
        for key, values in keys.items():
            if not values or any(isinstance(value, Partial) for value in values[:1]):
                return None
            found[key] = _sample(values[0])
    return tuple(sorted(found.items()))


def _concrete(
    pattern: Any, bootstrap: Stack, environment: Environment, names: Mapping[str, str]
) -> str | None:
    """One resource that a pattern takes in: "" for all; None where only AWS knows."""
    if pattern == "*":
        return ""
    if not isinstance(pattern, Partial):
        return _sample(pattern) if isinstance(pattern, str) else None
    parts: list[str] = []
    for part in pattern.parts:
        filled = part if isinstance(part, str) else _physical(part, bootstrap, environment, names)
        if filled is None:
            return None
        parts.append(filled)
    return _sample("".join(parts))


def _physical(hole: Hole, bootstrap: Stack, environment: Environment, names: Mapping[str, str]) -> str | None:
    made = bootstrap.resources.get(hole.name)
    if made is None or hole.name not in names:
        return None
    if not hole.attribute:
        return names[hole.name]
    form = _ARNS.get(made.type) if hole.attribute == "Arn" else None
    partition = environment.execution_role.split(":")[1]
    return form and form.format(
        partition=partition, region=environment.region, account=environment.account, id=names[hole.name]
    )


def _sample(pattern: str) -> str:
    return re.sub(r"\*+", _ANY, pattern.replace("?", "x"))
