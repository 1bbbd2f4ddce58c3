"""Values of samconfig.toml that two environments share, or that belong to another environment."""

import re
from collections.abc import Iterator

from pipeline.source.environments import Environment
from pipeline.source.project import Project
from pipeline.source.violations import Violation, at_parameter, at_setting

_SETTINGS = ("stack_name", "s3_bucket", "role_arn")
_OWN = re.compile(r"arn:|/")  # a parameter's value that names one thing in AWS: an ARN or an SSM path
_URL = re.compile(r"https?://")
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:([a-z0-9-]*):")
# What CloudFront and edge-optimised domains take from us-east-1 alone: certificates, web ACLs, versions of functions.
_AT_THE_EDGE = re.compile(
    r"arn:aws:(acm:us-east-1:\d*:certificate/|wafv2:us-east-1:\d*:global/|lambda:us-east-1:\d*:function:[\w-]+:\d+$)"
)
_PRODUCTION = ("prod", "production")

# A value and the way to it: kind (deploy, pipeline or parameter), name, value.
type _Value = tuple[str, str, str]


def check(project: Project) -> Iterator[Violation]:
    seen: dict[_Value, str] = {}
    names = {one.name for one in project.environments}
    accounts = {one.account: one.name for one in project.environments if one.account}
    for environment in project.environments:
        for value in _values(environment):
            why = _foreign(environment, value, names, accounts)
            if not why and _is_own(value):
                other = seen.setdefault(value, environment.name)
                why = f"is that of {other}" if other != environment.name else ""
            if why:
                yield _at(environment, value, f"{value[1]} of {environment.name} {why}")
        yield from _promotion(environment, {one.name: one for one in project.environments})
        role = str(environment.setting("role_arn") or "")
        if role and role == environment.table("pipeline").get("deploy_role"):
            why = f"CloudFormation runs as the deploy role of {environment.name}, which should be let do less"
            yield at_setting(environment, why, "role_arn", fact="role_arn is the deploy role")


def _values(environment: Environment) -> Iterator[_Value]:
    for name in (*_SETTINGS, "region", "tags", "s3_prefix"):
        found = environment.setting(name)
        if found:
            yield "deploy", name, ",".join(map(str, found)) if isinstance(found, list) else str(found)
    for name in ("account", "deploy_role"):
        if found := environment.table("pipeline").get(name):
            yield "pipeline", name, str(found)
    for name, text in environment.parameters.items():
        yield "parameter", name, text


def _is_own(value: _Value) -> bool:
    kind, name, text = value
    if kind == "parameter":
        return name == "Environment" or bool(_OWN.match(text))
    return kind == "pipeline" or name in _SETTINGS


def _foreign(environment: Environment, value: _Value, names: set[str], accounts: dict[str, str]) -> str:
    """Why a value belongs to another environment, account or region; empty when it doesn't."""
    kind, name, text = value
    if kind == "parameter" and name == "Environment" and text != environment.name:
        return f"is {text!r}"
    for account in _ACCOUNT.findall(text):
        if environment.account and account != environment.account:
            return f"names account {account} ({accounts.get(account, 'of no environment')})"
    for region in () if _AT_THE_EDGE.match(text) else _ARN.findall(text):
        if region and region != environment.region:
            return f"names region {region}, not {environment.region}"
    if name == "region":
        return ""
    # Other parameters hold text of any kind, in which "dev" may be a word like any other.
    if kind != "parameter" or _OWN.match(text) or _URL.match(text):
        for other in sorted(names - {environment.name}):
            if re.search(rf"(?<![a-z0-9]){re.escape(other)}(?![a-z0-9])", text):
                return f"names {other}"
    return ""


def _promotion(environment: Environment, every: dict[str, Environment]) -> Iterator[Violation]:
    source = str(environment.table("pipeline").get("promote_from") or "")
    why = ""
    if source in every and every[source].laptop:
        why = f"promote_from of {environment.name} names {source}, which is a laptop's"
    elif source and (source not in every or source == environment.name):
        why = f"promote_from of {environment.name} names {source!r}, which is no other environment"
    elif not source and environment.name in _PRODUCTION:
        why = f"{environment.name} has no promote_from, so it takes what ran nowhere before"
    if why:
        yield at_setting(environment, why, "promote_from", "pipeline", fact=f"promote_from {source}")


def _at(environment: Environment, value: _Value, message: str) -> Violation:
    kind, name, text = value
    fact = f"{name} {text}"
    if kind == "parameter":
        return at_parameter(environment, message, name, fact=fact)
    return at_setting(environment, message, name, kind, fact=fact)
