"""Mends of authorization: on which resource a caller is judged."""

import json
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.router import extract_access_key_id
from ministack.services import iam, kms
from ministack.services.cloudformation import changesets

type Query = dict[str, Any]


def parameters_by_name() -> None:
    """AWS: ssm:GetParameters is judged on each parameter that it names. ministack: on `*`, so that a policy for
    some parameters is no use."""

    def named(body: bytes, _query: Query, region: str, account: str) -> list[str]:
        try:
            names = json.loads(body)["Names"]
        except (ValueError, KeyError, TypeError):
            return []
        return [
            str(name)
            if str(name).startswith("arn:")
            else f"arn:aws:ssm:{region}:{account}:parameter/{str(name).lstrip('/')}"
            for name in (names if isinstance(names, list) else [])
        ]

    _judge_on("ssm", named)


def change_sets_by_stack() -> None:
    """AWS: what is done with a change set is judged on its stack. ministack: on `*` where the change set is named
    by its ARN, as the SDKs do."""

    def stack(_body: bytes, query: Query, _region: str, _account: str) -> list[str]:
        name = iam_actions._query_param(query, "ChangeSetName")
        found = changesets._find_change_set(name) if name.startswith("arn:") else None
        change_set = found[1] if isinstance(found, tuple) else found
        return [change_set["StackId"]] if change_set else []

    _judge_on("cloudformation", stack)


def keys_by_their_arn() -> None:
    """AWS: whoever names a key by its alias is judged on the key ("Controlling access to aliases" in KMS's developer
    guide). ministack: on the alias, so that a right on the key is no use by it. Of CreateAlias and the like the alias
    is what they are about, which is named otherwise."""

    def key(body: bytes, _query: Query, _region: str, _account: str) -> list[str]:
        try:
            name = json.loads(body)["KeyId"]
        except (ValueError, KeyError, TypeError):
            return []
        found = kms._resolve_key(name) if isinstance(name, str) and "alias/" in name else None
        return [found["Arn"]] if found else []

    _judge_on("kms", key)


def lambda_by_its_operations() -> None:
    """AWS: each operation of Lambda's asks for the right of its name. ministack: a list of its own tells them apart, by
    which an alias that is changed is one that is listed, and GetAccountSettings asks for nothing. The SDK's description
    of the service has them all; the few with another name: Service Authorization Reference, "Actions, resources, and
    condition keys for AWS Lambda"."""
    named = {"Invoke": "InvokeFunction", "InvokeWithResponseStream": "InvokeFunction"}
    iam_actions._BOTOCORE_SERVICE_MAP["lambda"] = ["lambda"]

    def action(method: str, path: str) -> str | None:
        found: str | None = iam_actions._match_rest_action("lambda", method, path)
        return named.get(found or "", found)

    iam_actions._lambda_action = action


def _judge_on(service: str, resources: Callable[[bytes, Query, str, str], list[str]]) -> None:
    """Judge requests to a service on what `resources` finds in their body and query, where it finds something."""
    extract = iam_actions.extract_resource_arn

    def judged(
        asked: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: Query,
        region: str,
        account: str,
    ) -> str:
        arns = resources(body, query, region, account) if asked == service else []
        if not arns:
            found: str = extract(asked, method, path, headers, body, query, region, account)
            return found
        if len(arns) == 1:
            return arns[0]
        action = iam_actions.extract_iam_action(asked, method, path, headers, body, query)
        caller = extract_access_key_id(headers, query)
        # The one that is refused decides: the emulator asks about one alone.
        refused = (arn for arn in arns if iam_evaluator.enforce(caller, action, asked, region, arn))
        return next(refused, arns[0])

    iam_actions.extract_resource_arn = judged


def roles_by_their_arn() -> None:
    """AWS: aws:PrincipalArn of a role's session is the role's ARN. ministack: the session's."""
    resolve = iam_evaluator._resolve_condition_key

    def resolved(key: str, context: Any) -> Any:
        if key.lower() == "aws:principalarn" and ":assumed-role/" in context.principal_arn:
            account, name = context.principal_arn.split(":")[4], context.principal_arn.split("/")[1]
            role = iam._roles.get_scoped(account, None, name)
            return role["Arn"] if role else context.principal_arn
        return resolve(key, context)

    iam_evaluator._resolve_condition_key = resolved


MENDS = (
    parameters_by_name,
    change_sets_by_stack,
    keys_by_their_arn,
    lambda_by_its_operations,
    roles_by_their_arn,
)
