"""samconfig.toml: three environments, each whole, alike where they must be, and with no secret."""

import re
from typing import Any

import pytest

from tests.stacks import (
    ENVIRONMENTS,
    account,
    name_of_application,
    overrides,
    prefix,
    region,
    samconfig,
    settings,
    source,
)

each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


def shape(table: Any) -> Any:
    """The keys of a table, at every depth."""
    return {key: shape(value) for key, value in table.items()} if isinstance(table, dict) else None


def test_there_is_no_table_to_inherit_from() -> None:
    """sam falls back to [default]: an environment that lacked a setting would silently get it there."""
    tables = set(samconfig()) - {"version", "application"}

    assert set(ENVIRONMENTS) == tables


@each_environment
def test_every_parameter_has_a_value(environment: str) -> None:
    """None relies on the template's default, none is given twice, none is unknown to the template."""
    names = [name for name, _ in overrides(environment)]

    assert list(source("template.yaml")["Parameters"]) == names


@each_environment
def test_every_value_is_quoted(environment: str) -> None:
    """Unquoted, sam cuts a value at a blank or comma and refuses an empty one."""
    given = settings(environment, "deploy")["parameter_overrides"]

    assert [] == [text for text in given if not re.fullmatch(r'\w+="[^"]*"', text)]


@each_environment
def test_every_value_is_one_that_the_template_allows(environment: str) -> None:
    """A value outside AllowedValues or AllowedPattern would only fail in the account."""
    declared = source("template.yaml")["Parameters"]
    refused = [
        (name, value)
        for name, value in overrides(environment)
        if value not in [str(allowed) for allowed in declared[name].get("AllowedValues", [value])]
        or not re.fullmatch(declared[name].get("AllowedPattern", ".*"), value)
    ]

    assert [] == refused


def test_dev_and_prod_have_the_same_settings() -> None:
    """What only one of them sets is never tried in the other."""
    assert shape(samconfig()["dev"]) == shape(samconfig()["prod"])


def test_dev_and_prod_differ_only_where_they_may() -> None:
    """Prod runs what dev tried: besides names and ARNs, four parameters differ."""
    dev, prod = dict(overrides("dev")), dict(overrides("prod"))
    translated = {name: in_prod(value) for name, value in dev.items()}
    differing = {name for name in prod if prod[name] != translated[name]}

    assert {"GradualDeployment", "LogRetentionDays", "ReservedConcurrency"} == differing


def in_prod(value: str) -> str:
    """A value of dev with prod's names, account and region in the place of dev's."""
    pairs = [(of("dev"), of("prod")) for of in (prefix, account, region)]
    for own, others in [*pairs, ("/dev/", "/prod/")]:
        value = value.replace(own, others)
    return "prod" if value == "dev" else value


@each_environment
def test_environments_share_nothing(environment: str) -> None:
    """No setting names another environment's account, stack, bucket, role or parameter."""
    own = {**samconfig()[environment], "pipeline": {**settings(environment, "pipeline"), "promote_from": ""}}
    others = [name for name in ENVIRONMENTS if name != environment]

    beside_the_name = str(own).replace(name_of_application(), "")

    assert [] == [name for name in others if re.search(rf"\b{name}\b", beside_the_name)]
    assert {account(environment)} == set(re.findall(r"\b\d{12}\b", str(own)))


@each_environment
def test_each_environment_is_complete(environment: str) -> None:
    """Region, stack, role, capabilities and tags stand in the environment's own tables."""
    deploy, name = settings(environment, "deploy"), name_of_application()
    expected = {
        "s3_bucket": f"{name}-{environment}-artifacts-{account(environment)}",
        "s3_prefix": "packages",
        "role_arn": f"arn:aws:iam::{account(environment)}:role/{name}-{environment}-execution",
        "capabilities": ["CAPABILITY_IAM"],
        "fail_on_empty_changeset": False,
        "tags": [f"application={name}", f"environment={environment}"],
    }

    assert {"stack_name", "region"} == set(settings(environment, "global"))
    assert f"{name}-{environment}" == prefix(environment)
    assert re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region(environment))
    assert expected == {key: value for key, value in deploy.items() if key != "parameter_overrides"}


@each_environment
def test_no_secret_is_a_setting(environment: str) -> None:
    """The one parameter that has to do with a secret names where its ARN is found; another says that there is one."""
    about_secrets = {
        name: value
        for name, value in overrides(environment)
        if re.search(r"(?i)password|secret|token|credential|private", name + value)
    }

    assert "password" == about_secrets.pop("DatabaseAuthentication")
    assert {
        "DatabaseAdminSecretArn": f"/{name_of_application()}/{environment}/database/admin-secret-arn"
    } == about_secrets


def test_prod_moves_traffic_in_steps_and_its_alarms_reach_somebody() -> None:
    """A release that fails in prod must meet an alarm before all traffic is on it."""
    prod = dict(overrides("prod"))

    assert "true" == prod["GradualDeployment"]
    assert f"arn:aws:sns:{region('prod')}:{account('prod')}:{prefix('prod')}-alarms" == prod["AlarmTopicArn"]


def test_prod_promotes_from_dev_alone() -> None:
    """What runs in prod ran in dev before; dev takes from nowhere."""
    found = {name: settings(name, "pipeline")["promote_from"] for name in ENVIRONMENTS}

    assert {"local": "", "dev": "", "prod": "dev"} == found
