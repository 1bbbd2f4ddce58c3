"""template.yaml as the ledger needs it: who may call its routes, who reads its secrets, what its functions are told."""

from functools import cache

import pytest

from pipeline.source.functions import routes
from pipeline.source.project import Project
from tests.application.test_template import each_environment, of_type, policy_of
from tests.iam import decide
from tests.stacks import ROOT, name_of_application, overrides


@cache
def _project() -> Project:
    return Project.load(ROOT)


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
