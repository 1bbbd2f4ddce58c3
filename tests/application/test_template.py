"""template.yaml as each environment deploys it: routes, roles, secrets, what is kept, what moves traffic."""

import json
import re
from functools import cache
from typing import Any

import pytest

from pipeline.source import application
from tests.iam import decide
from tests.stacks import (
    BOOTSTRAP_ANSWERS,
    ENVIRONMENTS,
    ROOT,
    account,
    bootstrap,
    expanded,
    name_of_application,
    overrides,
    prefix,
    pseudo,
    region,
    resources,
    source,
    statements,
    texts,
)

each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)

# Actions that IAM can grant on "*" only, each with why a role here needs it.
RESOURCELESS = {
    "codedeploy:PutLifecycleEventHookExecutionStatus",
    "ec2:DescribeNetworkInterfaces",  # to join a VPC
    "ec2:DescribeSubnets",
    "secretsmanager:GetRandomPassword",  # rotation
    "xray:PutTelemetryRecords",  # tracing
    "xray:PutTraceSegments",
}


@cache
def deployed(environment: str) -> dict[str, Any]:
    """The resources of the environment's stack, with the values that samconfig.toml gives."""
    return resources(expanded(environment), {**dict(overrides(environment)), **pseudo(environment)})


def of_type(environment: str, kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in deployed(environment).items()
        if resource["Type"] == kind
    }


def policy_of(environment: str, role: str) -> list[dict[str, Any]]:
    """Every statement that a role of the stack has, from whichever resource."""
    own = statements(of_type(environment, "AWS::IAM::Role")[role]["Policies"])
    attached = [p for p in of_type(environment, "AWS::IAM::Policy").values() if f"<{role}>" in p["Roles"]]
    return own + statements(attached)


@each_environment
def test_every_function_may_open_its_own_variables(environment: str) -> None:
    """They lie under the data key. Lambda opens them by a grant of its own, and as the function's role where that
    grant is missing (cattle-ops/terraform-aws-gitlab-runner#1253: such a function doesn't start)."""
    functions = of_type(environment, "AWS::Lambda::Function")
    roles = {
        name: function["Role"].removeprefix("<").removesuffix(".Arn>") for name, function in functions.items()
    }
    policies = {name: policy_of(environment, role) for name, role in roles.items()}
    readers = {
        name
        for name, policy in policies.items()
        if any("secretsmanager:GetSecretValue" in texts(statement["Action"]) for statement in policy)
    }
    closed = [
        (name, via)
        for name, function in functions.items()
        for via in ("lambda", *(["secretsmanager"] if name in readers else []))
        if decide(
            policies[name],
            "kms:Decrypt",
            function["KmsKeyArn"],
            {"kms:ViaService": f"{via}.{region(environment)}.amazonaws.com"},
        )
        != "Allow"
    ]

    assert "AppFunction" in readers
    assert [] == closed


# The API --------------------------------------------------------------------------------------------------


@each_environment
def test_callers_sign_as_iam_reads_it(environment: str) -> None:
    """What asks who calls asks for a signature of AWS's."""
    body = of_type(environment, "AWS::ApiGateway::RestApi")["Api"]["Body"]

    assert "awsSigv4" == body["components"]["securitySchemes"]["AWS_IAM"]["x-amazon-apigateway-authtype"]


@each_environment
def test_the_callers_credentials_go_no_further(environment: str) -> None:
    """Every route calls the alias as API Gateway, not as the caller, and passes bytes as bytes."""
    body = of_type(environment, "AWS::ApiGateway::RestApi")["Api"]["Body"]
    integrations = [
        operation["x-amazon-apigateway-integration"]
        for operations in body["paths"].values()
        for operation in operations.values()
    ]

    assert [] == [found for found in integrations if "credentials" in found]
    assert {"aws_proxy"} == {found["type"] for found in integrations}
    assert [] == [found for found in integrations if "<AppFunctionAliaslive>" not in found["uri"]]
    assert ["*/*"] == body["x-amazon-apigateway-binary-media-types"]


@each_environment
def test_the_stage_limits_logs_and_traces(environment: str) -> None:
    """Each route is throttled by the environment's parameters; access is logged, bodies are not."""
    values = dict(overrides(environment))
    stage = of_type(environment, "AWS::ApiGateway::Stage")["ApiliveStage"]
    (method,) = stage["MethodSettings"]
    expected = {
        "ResourcePath": "/*",
        "HttpMethod": "*",
        "ThrottlingRateLimit": values["ThrottlingRate"],
        "ThrottlingBurstLimit": values["ThrottlingBurst"],
        "MetricsEnabled": True,
        "DataTraceEnabled": False,
        "LoggingLevel": "OFF",
    }

    assert expected == method
    assert "live" == stage["StageName"]
    assert stage["TracingEnabled"] is True
    assert "<ApiLogGroup.Arn>" == stage["AccessLogSetting"]["DestinationArn"]
    assert [] == re.findall(r"body|header|querystring", stage["AccessLogSetting"]["Format"])


def test_the_access_log_is_json_in_one_line() -> None:
    """Each value is a text of its own: the gateway writes "-" for what it doesn't know, and escapes nothing."""
    line = of_type("prod", "AWS::ApiGateway::Stage")["ApiliveStage"]["AccessLogSetting"]["Format"]

    assert "\n" not in line
    assert [] == [
        value for value in json.loads(line).values() if not re.fullmatch(r"\$context(\.\w+)+", value)
    ]


@each_environment
def test_only_this_api_may_invoke_the_application(environment: str) -> None:
    """Every permission on a function names a service of AWS and the one source that it serves."""
    permissions = list(of_type(environment, "AWS::Lambda::Permission").values())

    assert permissions
    assert [] == [p for p in permissions if not p["Principal"].endswith(".amazonaws.com")]
    assert [] == [p for p in permissions if "SourceArn" not in p or p["Action"] != "lambda:InvokeFunction"]


# Functions and roles --------------------------------------------------------------------------------------


@each_environment
def test_every_function_is_bounded_traced_and_logged(environment: str) -> None:
    """Runtime, architecture, concurrency, key, tracing and own log group, for each function."""
    values = dict(overrides(environment))
    functions = of_type(environment, "AWS::Lambda::Function")
    groups = of_type(environment, "AWS::Logs::LogGroup")

    assert functions
    for name, function in functions.items():
        group = groups[function["LoggingConfig"]["LogGroup"].strip("<>")]
        assert "python3.13" == function["Runtime"]
        assert ["x86_64"] == function["Architectures"]
        assert {"Mode": "Active"} == function["TracingConfig"]
        assert values["DataKeyArn"] == function["KmsKeyArn"]
        assert int(function["ReservedConcurrentExecutions"]) >= 1
        assert f"<{name.removesuffix('Function')}Role.Arn>" == function["Role"]
        assert f"/aws/lambda/{function['FunctionName']}" == group["LogGroupName"]
    assert [] == [
        name for name, group in groups.items() if group["RetentionInDays"] != values["LogRetentionDays"]
    ]
    assert [] == [name for name, group in groups.items() if group["KmsKeyId"] != values["DataKeyArn"]]


@each_environment
def test_the_application_answers_before_the_gateway_gives_up(environment: str) -> None:
    """API Gateway waits 29 seconds at most; CloudFormation waits longer than the migration may take."""
    functions = of_type(environment, "AWS::Lambda::Function")
    migration = of_type(environment, "Custom::Migration")["Migration"]

    assert functions["AppFunction"]["Timeout"] < 29
    assert functions["MigrateFunction"]["Timeout"] < migration["ServiceTimeout"]


@each_environment
def test_events_that_fail_for_good_are_kept(environment: str) -> None:
    """The functions that are invoked asynchronously have a dead-letter queue, and it has an alarm."""
    functions = of_type(environment, "AWS::Lambda::Function")
    kept = {name for name, function in functions.items() if "DeadLetterConfig" in function}
    alarm = of_type(environment, "AWS::CloudWatch::Alarm")["DeadLettersAlarm"]

    assert {"MigrateFunction", "RotationFunction"} <= kept
    assert [{"Name": "QueueName", "Value": "<DeadLetterQueue.QueueName>"}] == alarm["Dimensions"]


@each_environment
def test_every_role_carries_the_boundary(environment: str) -> None:
    """And has the path by which the execution role may make it, and no policy that isn't read here."""
    roles = of_type(environment, "AWS::IAM::Role")
    boundary = dict(overrides(environment))["PermissionsBoundaryArn"]

    assert {boundary} == {role.get("PermissionsBoundary") for role in roles.values()}
    assert {f"/{prefix(environment)}/"} == {role["Path"] for role in roles.values()}
    assert [] == [name for name, role in roles.items() if "ManagedPolicyArns" in role]


@each_environment
@pytest.mark.parametrize("vpc", ["", "subnet-1,subnet-2"])
def test_no_role_has_a_wildcard(environment: str, vpc: str) -> None:
    """Whole actions on named resources; "*" stands only where IAM knows nothing narrower."""
    values = {**dict(overrides(environment)), **pseudo(environment), "VpcSubnetIds": vpc}
    stack = resources(expanded(environment, VpcSubnetIds=vpc), values)
    policies = [r["Properties"] for r in stack.values() if r["Type"] == "AWS::IAM::Policy"]
    for role in (r["Properties"] for r in stack.values() if r["Type"] == "AWS::IAM::Role"):
        policies += role["Policies"]
    found = statements(policies)
    anywhere = {action for s in found if "*" in texts(s["Resource"]) for action in texts(s["Action"])}

    assert [] == [s for s in found if any("*" in action for action in texts(s["Action"]))]
    assert [] == [s for s in found if {"NotAction", "NotResource", "NotPrincipal"} & set(s)]
    assert anywhere <= RESOURCELESS
    assert bool(vpc) == any("ec2:CreateNetworkInterface" in texts(s["Action"]) for s in found)


@each_environment
def test_services_alone_become_these_roles(environment: str) -> None:
    """No person, account or other workload is trusted."""
    roles = of_type(environment, "AWS::IAM::Role")
    trusted = [s for role in roles.values() for s in role["AssumeRolePolicyDocument"]["Statement"]]
    others = [
        s
        for s in trusted
        if set(s["Principal"]) != {"Service"}
        or not all(service.endswith(".amazonaws.com") for service in texts(s["Principal"]["Service"]))
    ]

    assert trusted
    assert [] == others
    assert {"sts:AssumeRole"} == {s["Action"] for s in trusted}


@each_environment
def test_the_boundary_leaves_room_for_every_role(environment: str) -> None:
    """A boundary grants nothing, but what it leaves out fails only at run time."""
    ceiling = bootstrap(environment)["Boundary"]["Properties"]["PolicyDocument"]["Statement"]
    place = f"{region(environment)}:{account(environment)}"
    groups = of_type(environment, "AWS::Logs::LogGroup")
    secrets = of_type(environment, "AWS::SecretsManager::Secret")
    queues = of_type(environment, "AWS::SQS::Queue")
    real = {  # what a deployment makes of the references
        **{
            f"<{key}.Arn>": f"arn:aws:logs:{place}:log-group:{one['LogGroupName']}:*"
            for key, one in groups.items()
        },
        **{
            f"<{key}.Id>": f"arn:aws:secretsmanager:{place}:secret:{one['Name']}-a1B2c3"
            for key, one in secrets.items()
        },
        **{f"<{key}.Arn>": f"arn:aws:sqs:{place}:{one['QueueName']}" for key, one in queues.items()},
        f"/{name_of_application()}/{environment}/data-key-arn": "<DataKey.Arn>",
        f"/{name_of_application()}/{environment}/database/admin-secret-arn": BOOTSTRAP_ANSWERS[
            "DatabaseAdminSecretArn"
        ],
    }
    refused = [
        (role, action, resource)
        for role in of_type(environment, "AWS::IAM::Role")
        for statement in policy_of(environment, role)
        for action in texts(statement["Action"])
        for resource in texts(statement["Resource"])
        if decide(ceiling, action, real.get(resource, resource)) != "Allow"
    ]

    assert [] == refused


# Secrets --------------------------------------------------------------------------------------------------


def test_no_secret_enters_or_leaves_by_the_template() -> None:
    """No parameter to hide, no reference that becomes a secret's value, and no output of a secret's."""
    template = source("template.yaml")

    assert [] == [name for name, parameter in template["Parameters"].items() if "NoEcho" in parameter]
    assert [] == re.findall(r"resolve:(?:secretsmanager|ssm-secure)", str(template))
    assert [] == [name for name, output in template["Outputs"].items() if "Secret" in str(output["Value"])]


@each_environment
def test_the_password_is_generated_and_rotated(environment: str) -> None:
    """Secrets Manager makes it, beside what a client and the rotation need, and changes it on time."""
    secret = of_type(environment, "AWS::SecretsManager::Secret")["DatabaseSecret"]
    generated = secret["GenerateSecretString"]
    rotation = deployed(environment)["DatabaseSecretRotation"]
    fields = re.findall(r'"(\w+)":', generated["SecretStringTemplate"])

    assert ["engine", "host", "port", "dbname", "username"] == fields
    assert "password" == generated["GenerateStringKey"]
    assert generated["PasswordLength"] >= 32
    assert "SecretString" not in secret
    assert int(rotation["Properties"]["RotationRules"]["AutomaticallyAfterDays"]) <= 90
    assert rotation["Properties"]["RotateImmediatelyOnUpdate"] is False
    assert "Migration" in rotation["DependsOn"]  # it makes the users that rotation changes


# Releases -------------------------------------------------------------------------------------------------


def versions(template: dict[str, Any]) -> list[str]:
    return [name for name, r in template["Resources"].items() if r["Type"] == "AWS::Lambda::Version"]


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_every_release_publishes_a_version(environment: str) -> None:
    """Also where only a parameter or an SSM value changed; the same release publishes none."""
    first, again, other = (
        versions(expanded.__wrapped__(environment, ReleaseDigest=digit * 64, LogLevel=level))  # each anew
        for digit, level in (("a", "INFO"), ("a", "INFO"), ("b", "DEBUG"))
    )

    assert 1 == len(first)
    assert first == again
    assert first != other


@each_environment
def test_traffic_moves_after_the_migrations(environment: str) -> None:
    """The application's new version waits for the migration, and each release runs the migration anew."""
    stack = deployed(environment)

    assert "Migration" in stack["AppFunction"]["DependsOn"]
    assert "<MigrateFunction.Arn>" == stack["Migration"]["Properties"]["ServiceToken"]
    assert dict(overrides(environment))["ReleaseDigest"] == stack["Migration"]["Properties"]["ReleaseDigest"]


def test_gradual_deployment_watches_alarms() -> None:
    """Switched on, CodeDeploy asks the new version first, moves the alias in steps, as our role, and back when an alarm
    of the new version rings: those of all versions would ring for the old one, and keep its successor out."""
    stack = expanded("dev", GradualDeployment="true")["Resources"]
    group = stack["AppFunctionDeploymentGroup"]["Properties"]

    watched = [alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]]
    of_new = [{one["Name"] for one in stack[name]["Properties"]["Dimensions"]} for name in watched]

    assert [{"FunctionName", "Resource", "ExecutedVersion"}, {"release"}] == of_new
    assert all("ReleaseDigest" in str(stack[name]["Properties"]["AlarmName"]) for name in watched)
    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    assert {"Fn::GetAtt": ["CodeDeployRole", "Arn"]} == group["ServiceRoleArn"]
    moved = stack["AppFunctionAliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    hook = {"Fn::If": ["IsGradual", {"Ref": "BeforeTrafficFunction"}, {"Ref": "AWS::NoValue"}]}
    assert hook == moved["BeforeAllowTrafficHook"]


def test_a_new_version_is_asked_what_a_deployment_asks() -> None:
    """The routes of health and version, as samconfig.toml describes the application."""
    described = application.read(ROOT)
    asked = of_type("prod", "AWS::Lambda::Function")["BeforeTrafficFunction"]["Environment"]["Variables"]

    assert ",".join((*described.health, described.version)) == asked["ASKED_ROUTES"]


def test_without_gradual_deployment_there_is_no_codedeploy() -> None:
    """Switched off, the stack holds nothing of CodeDeploy but the role."""
    stack = expanded("prod", GradualDeployment="false")["Resources"]

    assert [] == [name for name, r in stack.items() if r["Type"].startswith("AWS::CodeDeploy")]
    assert "UpdatePolicy" not in stack["AppFunctionAliaslive"]


@pytest.mark.parametrize("gradual", ["true", "false"])
def test_what_is_put_back_meets_no_codedeploy(gradual: str) -> None:
    """It refuses to begin while an alarm rings, and an alarm is why something is put back."""
    stack = expanded("prod", GradualDeployment=gradual, Traffic="AtOnce")["Resources"]

    assert [] == [name for name, r in stack.items() if r["Type"].startswith("AWS::CodeDeploy")]
    assert "UpdatePolicy" not in stack["AppFunctionAliaslive"]


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_every_alarm_tells_somebody(environment: str) -> None:
    """Both when it rings and when it is over."""
    alarms = of_type(environment, "AWS::CloudWatch::Alarm")
    topic = [dict(overrides(environment))["AlarmTopicArn"]]

    assert alarms
    assert [] == [name for name, a in alarms.items() if (a["AlarmActions"], a["OKActions"]) != (topic, topic)]


def test_alarms_without_a_topic_do_nothing() -> None:
    """An empty AlarmTopicArn leaves the actions out, instead of naming an empty one."""
    alarms = of_type("local", "AWS::CloudWatch::Alarm")

    assert [] == [name for name, alarm in alarms.items() if {"AlarmActions", "OKActions"} & set(alarm)]


def test_what_holds_state_outlives_the_stack() -> None:
    """Deleting or replacing the resource keeps the thing; only a failed creation leaves nothing."""
    stateful = {"AWS::Logs::LogGroup", "AWS::SecretsManager::Secret", "AWS::SQS::Queue"}
    kept = {
        name: (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
        for name, resource in source("template.yaml")["Resources"].items()
        if resource["Type"] in stateful
    }

    assert kept
    assert {("RetainExceptOnCreate", "Retain")} == set(kept.values())


def test_names_have_one_beginning() -> None:
    """The execution role may touch what is named NAME-ENVIRONMENT-... alone."""
    named = re.compile(rf"(/aws/(lambda|apigateway)/)?{prefix('dev')}(-[a-z-]+)?")
    keys = ("FunctionName", "LogGroupName", "AlarmName", "QueueName", "Name")
    kinds = ("Lambda::Function", "LogGroup", "Alarm", "Queue", "Secret", "RestApi")
    names = [
        resource["Properties"][key]
        for resource in deployed("dev").values()
        if resource["Type"].endswith(kinds)
        for key in keys
        if key in resource["Properties"]
    ]

    assert names
    assert [] == [name for name in names if not named.fullmatch(name)]
