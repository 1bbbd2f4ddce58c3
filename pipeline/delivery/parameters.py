"""The parameters of a release: samconfig's, the SSM values behind them, and one digest over all."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from pipeline.base.canonical import canonical
from pipeline.base.errors import ConfigurationError
from pipeline.delivery import aws
from pipeline.delivery.bundle import Bundle
from pipeline.source.configuration import FILE
from pipeline.source.samconfig import Environment
from pipeline.source.template import read

_SSM = "AWS::SSM::Parameter::Value<"
# How the traffic of one change set moves, for a template that asks: as its other parameters say, or at once. It says
# nothing of what serves afterwards, so no digest covers it, and an earlier template may not have it.
TRAFFIC, AT_ONCE = "Traffic", "AtOnce"
# What the pipeline sets; samconfig holds their places.
RELEASE = ("Commit", "BundleDigest", "ReleaseDigest", TRAFFIC)


@dataclass(frozen=True)
class Release:
    """What a deployment is made of: every parameter of the template, and the digest over what decides it.

    `ssm` are the values behind the parameters that name one, by parameter.
    """

    parameters: Mapping[str, str]
    digest: str
    ssm: Mapping[str, str] = field(default_factory=dict)


def of_release(session: boto3.Session, environment: Environment, made: Bundle) -> Release:
    """The parameters of a release of `made` to `environment`.

    Its digest covers the bundle, samconfig's parameters and the SSM values that they name, so that a change in
    any of them is another release, with a version of its own. Raises ConfigurationError when samconfig and the
    template don't have the same parameters, or SSM lacks one.
    """
    declared = declarations(made.path("template.yaml"))
    _match(environment, declared)
    return _release(session, made, declared, environment.parameters)


def as_before(session: boto3.Session, made: Bundle, before: Mapping[str, str]) -> Release:
    """The release of `made` with the parameters that a stack had, and what SSM says today; all traffic at once.

    CloudFormation reads SSM anew with each change set, so that a value which has moved makes it another release.
    """
    return _release(session, made, declarations(made.path("template.yaml")), at_once(before))


def _release(
    session: boto3.Session, made: Bundle, declared: Mapping[str, str], values: Mapping[str, str]
) -> Release:
    whole = {name: value for name, value in values.items() if name in declared}
    own = {name: value for name, value in whole.items() if name not in RELEASE}
    named = [name for name in own if declared[name].startswith(_SSM)]
    found = _ssm(session, sorted({own[name] for name in named}))
    whole_digest = digest(made.digest, own, found)
    whole |= {"Commit": made.commit, "BundleDigest": made.digest, "ReleaseDigest": whole_digest}
    return Release(whole, whole_digest, {name: found[own[name]] for name in named})


def declarations(template: Path) -> dict[str, str]:
    """The template's parameters, name to type. Raises ConfigurationError when it can't be read."""
    try:
        return {name: str(one["Type"]) for name, one in read(template)["Parameters"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{template.name} does not parse: {error}", "Run: pipeline lint") from error


def _match(environment: Environment, declared: Mapping[str, str]) -> None:
    missing = sorted(set(declared) - set(environment.parameters))
    unknown = sorted(set(environment.parameters) - set(declared) - {TRAFFIC})
    if missing or unknown:
        said = [f"it lacks {', '.join(missing)}"] if missing else []
        said += [f"the template has no {', '.join(unknown)}"] if unknown else []
        raise ConfigurationError(
            f"{FILE}: parameter_overrides of {environment.name} don't fit the template: {'; '.join(said)}.",
            "Every environment states every parameter; nothing relies on a default.",
        )


def digest(bundle: str, own: Mapping[str, str], ssm: Mapping[str, str]) -> str:
    """The digest of a release: over its bundle, samconfig's parameters, and the SSM values by their names."""
    return hashlib.sha256(canonical({"bundle": bundle, "parameters": own, "ssm": ssm})).hexdigest()


def at_once(values: Mapping[str, str]) -> dict[str, str]:
    """The same parameters, for a change set that moves all traffic at once, where they say how it moves."""
    return {**values, **({TRAFFIC: AT_ONCE} if TRAFFIC in values else {})}


def value(session: boto3.Session, name: str) -> str | None:
    """The value of an SSM parameter; None when there is none."""
    with aws.errors(f"reading {name} from SSM"):
        try:
            client = session.client("ssm", config=aws.CONFIG)
            return str(client.get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError as error:
            if aws.code(error) != "ParameterNotFound":
                raise
            return None


def _ssm(session: boto3.Session, names: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name in names:
        found = value(session, name)
        if found is None:
            raise ConfigurationError(
                f"SSM has no parameter {name}.",
                "They come from bootstrap/template.yaml; see bootstrap/README.md.",
            )
        values[name] = found
    return values
