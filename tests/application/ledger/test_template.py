"""template.yaml as the ledger needs it: who may call its routes, who reads its secrets, what its functions are told."""

import json
from functools import cache

import pytest

from app import tokens
from pipeline.source.functions import routes
from pipeline.source.project import Project
from tests import judged
from tests.application.test_template import deployed, each_environment, of_type, policy_of
from tests.iam import decide
from tests.stacks import expanded, name_of_application, overrides, pseudo, resources, statements


@cache
def _project() -> Project:
    return judged.repository()


@pytest.mark.outside
@each_environment
@pytest.mark.parametrize(
    ("start", "method", "caller"),
    [
        ("/api/", "GET", "AWS_IAM"),
        ("/api/", "POST", "AWS_IAM"),
        ("/api/", "OPTIONS", "NONE"),
        # For browsers, which sign nothing: the application itself asks for a link or a cookie.
        ("/session", "GET", "NONE"),
        ("/ledger", "GET", "NONE"),
    ],
)
def test_who_may_call_the_ledger(environment: str, start: str, method: str, caller: str) -> None:
    """The records want IAM; a browser's preflight and the pages don't."""
    stack = next(one for one in _project().application if one.environment.name == environment)
    callers = {
        one.authorizers for one in routes(stack) if one.method == method and one.path.startswith(start)
    }

    assert {(caller,)} == callers


@each_environment
def test_who_may_read_which_secret(environment: str) -> None:
    """The application reads its own user's secret; the master secret is for migration and rotation."""
    own, master = "<DatabaseSecret.Id>", f"/{name_of_application()}/{environment}/database/admin-secret-arn"
    session = "<SessionSecret.Id>"
    readers = {
        (role, secret)
        for role in of_type(environment, "AWS::IAM::Role")
        for secret in (own, master, session)
        if decide(policy_of(environment, role), "secretsmanager:GetSecretValue", secret) == "Allow"
    }
    expected = {("AppRole", own), ("AppRole", session), ("MigrateRole", own), ("MigrateRole", master)}

    assert expected | {("RotationRole", secret) for secret in (own, master, session)} == readers


@each_environment
def test_the_functions_environment(environment: str) -> None:
    """Names and ARNs only; the application is not even told where the master secret is."""
    common = {
        "ENVIRONMENT",
        "LOG_LEVEL",
        "DATABASE_HOST",
        "DATABASE_PORT",
        "DATABASE_NAME",
        "DATABASE_TLS",
        "DATABASE_AUTHENTICATION",
        "DATABASE_SECRET_ARN",
    }
    expected = {
        "AppFunction": common
        | {"COMMIT", "BUNDLE_DIGEST", "RELEASE_DIGEST", "CORS_ORIGINS", "SESSION_SECRET_ARN"},
        "MigrateFunction": common | {"DATABASE_ADMIN_SECRET_ARN"},
        "RotationFunction": common | {"DATABASE_ADMIN_SECRET_ARN"},
    }
    if dict(overrides(environment))["GradualDeployment"] == "true":
        expected["BeforeTrafficFunction"] = common | {"ASKED_ROUTES", "NEW_VERSION", "RELEASE_DIGEST"}
    functions = of_type(environment, "AWS::Lambda::Function")
    found = {name: function["Environment"]["Variables"] for name, function in functions.items()}

    assert expected == {name: set(variables) for name, variables in found.items()}
    assert {"<DatabaseSecret.Id>"} == {variables["DATABASE_SECRET_ARN"] for variables in found.values()}


@each_environment
def test_whom_iam_lets_in_has_no_secret(environment: str) -> None:
    """With DatabaseAuthentication=iam there is no database secret, nothing that rotates one and nobody who reads the
    master secret but the migration; the application's role becomes one user of one database, and no other role does.

    The form of the ARN: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html
    """
    chosen = {"DatabaseAuthentication": "iam", "DatabaseResourceId": "cluster-ABCDEFGHIJKL01234"}
    values = {**dict(overrides(environment)), **pseudo(environment), **chosen}
    found = resources(expanded(environment, **chosen), values)
    kinds = {name: resource["Type"] for name, resource in found.items()}
    roles = [name for name, kind in kinds.items() if kind == "AWS::IAM::Role"]
    policies = {name: statements(found[name]["Properties"].get("Policies", [])) for name in roles}
    user = (
        f"arn:{values['AWS::Partition']}:rds-db:{values['AWS::Region']}:{values['AWS::AccountId']}"
        ":dbuser:cluster-ABCDEFGHIJKL01234/"
    )
    master = f"/{name_of_application()}/{environment}/database/admin-secret-arn"

    def who(action: str, resource: str) -> set[str]:
        return {role for role in roles if decide(policies[role], action, resource) == "Allow"}

    assert {"AppRole"} == who("rds-db:connect", f"{user}{tokens.USER}")
    assert set() == who("rds-db:connect", f"{user}ledger_app") | who(
        "rds-db:connect", f"{user}{tokens.USER}2"
    )
    assert {"MigrateRole"} == who("secretsmanager:GetSecretValue", master)
    assert ["SessionSecret"] == [
        name for name, kind in kinds.items() if kind == "AWS::SecretsManager::Secret"
    ]
    assert ["SessionSecretRotation"] == [
        name for name, kind in kinds.items() if kind.endswith("RotationSchedule")
    ]
    assert "DatabaseSecret" not in json.dumps(found)
    for name, kind in kinds.items():
        if kind == "AWS::Lambda::Function":
            variables = found[name]["Properties"]["Environment"]["Variables"]
            assert "iam" == variables["DATABASE_AUTHENTICATION"]
            assert "DATABASE_SECRET_ARN" not in variables
            assert (name == "MigrateFunction") == ("DATABASE_ADMIN_SECRET_ARN" in variables)


@each_environment
def test_with_a_password_iam_lets_nobody_in(environment: str) -> None:
    """What isn't chosen is not there."""
    assert "rds-db:" not in json.dumps(deployed(environment))
