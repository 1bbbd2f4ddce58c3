"""What services ask of a customer's key, and whether KMS lets them: one judgement for every service.

Nothing is encrypted here. Whoever reads or writes what lies under a customer's key needs the right to the key all the
same: by the key's own policy, by a policy of the caller where the key's leaves it to IAM, or by a grant ("Determining
access to AWS KMS keys" and "Grants in AWS KMS" in KMS's developer guide). Keys that AWS manages (alias/aws/...) let in
whoever may use the service.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.iam_evaluator import AuthError, EvalContext, EvalResult, PrincipalInfo
from ministack.core.responses import get_account_id, get_region
from ministack.services import kms

from sandbox.emulator.principals import Service, acting

type Context = Mapping[str, Any]
type Key = dict[str, Any]

_DECRYPT, _NEW = ("kms:Decrypt",), ("kms:GenerateDataKey",)
_BOTH = (*_NEW, *_DECRYPT)
# What an operation of a service asks of the key that its thing lies under.
USES: dict[str, tuple[str, ...]] = {
    # Lambda's developer guide, "Securing Lambda environment variables".
    "lambda:GetFunction": _DECRYPT,
    # Secrets Manager's user guide, "Secret encryption and decryption in AWS Secrets Manager". Two are no operations of
    # their own: ChooseKey is what the guide calls "Validating access to the KMS key"; by ChangeKey UpdateSecret puts
    # what is in use under another key. RotateSecret asks for nothing; its function does, by the others.
    "secretsmanager:ChooseKey": _BOTH,
    "secretsmanager:ChangeKey": ("kms:Encrypt",),
    "secretsmanager:GetSecretValue": _DECRYPT,
    "secretsmanager:PutSecretValue": _NEW,
    # SQS's developer guide, "Amazon SQS Key management".
    "sqs:SendMessage": _BOTH,
    "sqs:ReceiveMessage": _DECRYPT,
    # SNS's developer guide, "Managing Amazon SNS encryption keys and costs".
    "sns:Publish": _BOTH,
    # CloudWatch Logs' user guide, "Encrypt log data in CloudWatch Logs using AWS Key Management Service": its example
    # gives more, the policy that AWS itself writes for who calls Logs (CloudWatchLogsAPIKeyAccess) these two.
    "logs:AssociateKmsKey": _BOTH,
    "logs:GetLogEvents": _DECRYPT,
}


@dataclass(frozen=True)
class Refusal:
    """Why a key isn't to be used: an error of KMS, without `Exception` at its end, and its message."""

    code: str
    message: str


def refused(
    operation: str, name: object, thing: Mapping[str, str], who: PrincipalInfo | Service | None = None
) -> Refusal | None:
    """KMS's error for an operation on what lies under a key; None where there is none, or where it lets it be used.

    `thing` is the encryption context. Without `who` it is who acts now, through the service that the operation is of.
    """
    if not isinstance(name, str) or not name or "alias/aws/" in name:
        return None
    key, who = found(name), who or acting()
    if key is None:
        return Refusal("NotFound", f"Key '{arn(name)}' does not exist")
    context: dict[str, Any] = {f"kms:EncryptionContext:{one}": value for one, value in thing.items()}
    context["kms:EncryptionContextKeys"] = list(thing)
    if isinstance(who, PrincipalInfo):
        # Whether a service that acts for itself brings it is not documented: a policy had better not count on it.
        context["kms:ViaService"] = f"{operation.partition(':')[0]}.{get_region()}.amazonaws.com"
    denied = (judged(action, key, context, who) for action in USES[operation])
    said = next((one for one in denied if one.decision != "Allow"), None)
    return _state(key) if said is None else Refusal("AccessDenied", said.reason)


def judged(action: str, key: Key, context: Context, who: PrincipalInfo | Service) -> EvalResult:
    """KMS's decision; of one that isn't Allow the reason is KMS's message."""
    service = who if isinstance(who, Service) else None
    caller = who if isinstance(who, PrincipalInfo) else None
    keys = {
        "kms:CallerAccount": caller.account if caller else get_account_id(),
        **(service.keys if service else {}),
        **context,
    }
    asked = EvalContext(
        principal_arn=caller.arn if caller else "*",
        principal_type=caller.type if caller else "Service",
        principal_account=caller.account if caller else "",
        action=action,
        resource_arn=key["Arn"],
        region=get_region(),
        service_context={one.lower(): value for one, value in keys.items()},
        principal_keys=caller.keys if caller else {},
    )
    policy, owner = key.get("Policy") or "", key["Arn"].split(":")[4]
    identity = None
    if caller is None or caller.policies is None:
        # A service, or the root user: it has what the key's own policy gives.
        result = iam_evaluator.evaluate_resource_policy(policy, asked, service=service and service.name)
    else:
        identity = iam_evaluator.evaluate(asked, caller.policies, *caller.limits)
        result = iam_evaluator.combine_resource_policy(
            identity, asked, policy, owner, required=True, limits=caller.limits
        )
    if result.decision == "ImplicitDeny" and _granted(asked, key, service):
        return EvalResult("Allow", asked.principal_arn)
    if result.decision != "Allow":
        who_said = service.name if service else asked.principal_arn
        result.principal_arn = asked.principal_arn
        result.reason = f"User: {who_said} is not authorized to perform: {action} on resource: {key['Arn']} "
        result.reason += _because(result, identity, action)
    return result


def _because(result: EvalResult, identity: EvalResult | None, action: str) -> str:
    by_identity = identity is not None and identity.decision != "Allow" and not result.resource_policy_arn
    kind = "an identity-based policy" if by_identity else "a resource-based policy"
    if result.decision == "Deny":
        return f"with an explicit deny in {kind}"
    return f"because no {kind.split(' ', 1)[1]} allows the {action} action"


def _granted(asked: EvalContext, key: Key, service: Service | None) -> bool:
    """Whether a grant on the key gives somebody the operation, in this encryption context."""
    names = {service.name} if service else {asked.principal_arn}
    if ":assumed-role/" in asked.principal_arn:
        names.add(str(iam_evaluator._resolve_condition_key("aws:PrincipalArn", asked)))
    start = "kms:encryptioncontext:"
    context = {
        one.removeprefix(start): value
        for one, value in asked.service_context.items()
        if one.startswith(start)
    }
    return any(
        grant["KeyId"] == key["Arn"]
        and grant["GranteePrincipal"] in names
        and asked.action.removeprefix("kms:") in grant["Operations"]
        and _meets(grant.get("Constraints") or {}, context)
        for grant in kms._grants._data.values()
    )


def _meets(constraints: Mapping[str, Mapping[str, str]], context: Mapping[str, Any]) -> bool:
    """Whether an encryption context meets a grant's constraints."""
    subset = {one.lower(): value for one, value in constraints.get("EncryptionContextSubset", {}).items()}
    equals = constraints.get("EncryptionContextEquals")
    whole = equals is None or {one.lower(): value for one, value in equals.items()} == dict(context)
    return whole and subset.items() <= context.items()


def _state(key: Key) -> Refusal | None:
    """KMS's error for a key that nobody can use now."""
    error = kms._check_key_state(key)
    if error is None:
        return None
    said = json.loads(error[2])
    return Refusal(said["__type"].removeprefix("KMS").removesuffix("Exception"), said["message"])


def arn(name: str) -> str:
    """The ARN of a key that is named by its id, its alias or its ARN."""
    key = found(name)
    if key is not None:
        return str(key["Arn"])
    if name.startswith("arn:"):
        return name
    kind = "" if name.startswith("alias/") else "key/"
    return f"arn:aws:kms:{get_region()}:{get_account_id()}:{kind}{name}"


def found(name: str) -> Key | None:
    """The key of a name, in whichever account it is."""
    region, account, own = get_region(), get_account_id(), name
    if name.startswith("arn:") and name.count(":") > 4:
        _, _, _, region, account, own = name.split(":", 5)
    if own.startswith("alias/"):
        alias = f"arn:aws:kms:{region}:{account}:{own}"
        own = kms._aliases.get_scoped(account, region, alias) or ""
    key: Key | None = kms._keys.get_scoped(account, region, own.removeprefix("key/"))
    return key


def key_policies() -> None:
    """AWS: a key's policy counts for the account's root user as well, and a grant counts. ministack: the root user may
    do everything, and nobody looks at grants. Source: "Key policies in AWS KMS" and "Grants in AWS KMS" in KMS's
    developer guide: no principal has any right to a key that isn't given."""
    enforce = iam_evaluator.enforce

    def decided(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Any = None,
    ) -> Any:
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        key = found(resource_arn) if service == "kms" and ":key/" in resource_arn else None
        if key is None or isinstance(denied, AuthError):
            return denied
        caller = iam_evaluator.resolve_principal(access_key_id, get_account_id())
        result = judged(iam_action, key, service_context or {}, caller)
        return None if result.decision == "Allow" else result

    iam_evaluator.enforce = decided


def contexts() -> None:
    """AWS: a request to KMS itself has the condition keys of its encryption context. ministack: none, so that a policy
    that asks for one is never met. Source: "AWS KMS condition keys" in KMS's developer guide."""
    tags = iam_actions.request_tag_context

    def told(service: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        keys: dict[str, Any] = dict(tags(service, action, body, params))
        return {**keys, **_of_request(body)} if service == "kms" else keys

    iam_actions.request_tag_context = told


def _of_request(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body)["EncryptionContext"]
    except (ValueError, KeyError, TypeError):
        return {}
    if not isinstance(given, dict):
        return {}
    return {
        "kms:EncryptionContextKeys": list(given),
        **{f"kms:EncryptionContext:{name}": value for name, value in given.items()},
    }


MENDS = (key_policies, contexts)
