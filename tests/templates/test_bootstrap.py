"""bootstrap/template.yaml: who becomes the deploy role, what it may do, and who can widen it: nobody."""

import json
import re
from typing import Any

import pytest

from pipeline.source import samconfig
from pipeline.source.application import LONGEST_NAME
from tests.iam import decide
from tests.stacks import (
    BOOTSTRAP_ANSWERS,
    ENVIRONMENTS,
    ROOT,
    account,
    bootstrap,
    name_of_application,
    overrides,
    prefix,
    region,
    settings,
    source,
    statements,
    texts,
)

each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)
# What a list of policies/settings.toml may add (tests/pipeline/test_grants.py).
GENERATED = {
    *("EncryptThroughMore", "HandRolesToMore", "MakeMore", "MakeMoreAnywhere"),
    *("LetExecutionRoleManageMore", "UseMore", "UseMoreAnywhere"),
}
BUCKETS = {"ArtifactBucket", "EvidenceBucket", "AccessLogBucket"}


def deploy_policy(environment: str, **answers: str) -> list[dict[str, Any]]:
    return statements([bootstrap(environment, **answers)["DeployPolicy"]["Properties"]])


def execution_policy(environment: str, **answers: str) -> list[dict[str, Any]]:
    return statements(bootstrap(environment, **answers)["ExecutionRole"]["Properties"]["Policies"])


def auditor_policy(environment: str) -> list[dict[str, Any]]:
    return statements([bootstrap(environment)["AuditorPolicy"]["Properties"]])


def drift_policy(environment: str, **answers: str) -> list[dict[str, Any]]:
    """What the drift role has: a policy of its own, and the one that people read with too."""
    found = bootstrap(environment, **answers)
    return statements([found[name]["Properties"] for name in ("ReaderPolicy", "DriftPolicy")])


def reader_policy(environment: str) -> list[dict[str, Any]]:
    return statements([bootstrap(environment)["ReaderPolicy"]["Properties"]])


def boundary(environment: str) -> list[dict[str, Any]]:
    return statements([bootstrap(environment)["Boundary"]["Properties"]])


def arn(environment: str, service: str, resource: str) -> str:
    """An ARN in the environment's account and region."""
    place = "" if service == "iam" else region(environment)
    return f"arn:aws:{service}:{place}:{account(environment)}:{resource}"


def names(environment: str) -> dict[str, str]:
    """What names of an environment hold, for the patterns of the tests."""
    return {"own": prefix(environment), "name": name_of_application(), "env": environment}


# Trust ----------------------------------------------------------------------------------------------------


@each_environment
@pytest.mark.parametrize(
    ("role", "entered", "workflow"),
    [("DeployRole", "", "deploy.yml"), ("DriftRole", "-drift", "drift.yml")],
)
def test_who_becomes_a_role(environment: str, role: str, entered: str, workflow: str) -> None:
    """A job of this repository in this environment, in both forms of the subject, that stands in the one workflow as
    the branch has it, compared whole."""
    found = bootstrap(environment, GitHubBranch="trunk")[role]["Properties"]
    trust = found["AssumeRolePolicyDocument"]["Statement"]
    expected = {
        "Effect": "Allow",
        "Principal": {
            "Federated": arn(environment, "iam", "oidc-provider/token.actions.githubusercontent.com")
        },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": [
                    f"repo:acme/ledger:environment:{environment}{entered}",
                    f"repo:acme@1001/ledger@2002:environment:{environment}{entered}",
                ],
                "token.actions.githubusercontent.com:job_workflow_ref": (
                    f"acme/ledger/.github/workflows/{workflow}@refs/heads/trunk"
                ),
            }
        },
    }

    assert [expected] == trust


def test_the_provider_accepts_tokens_for_sts_only() -> None:
    """A token that a workflow asked for with another audience is worth nothing here."""
    provider = bootstrap("dev")["OidcProvider"]["Properties"]

    assert {
        "Url": "https://token.actions.githubusercontent.com",
        "ClientIdList": ["sts.amazonaws.com"],
    } == provider


def test_an_account_with_a_provider_keeps_it() -> None:
    """There can be one only: the role then trusts the one that is there."""
    own, found = bootstrap("dev"), bootstrap("dev", CreateOidcProvider="false")

    assert {"OidcProvider"} == set(own) - set(found)
    assert own["DeployRole"] == found["DeployRole"]


@each_environment
def test_the_other_roles_serve_services(environment: str) -> None:
    """CloudFormation and API Gateway; no role of the bootstrap trusts an account or a person."""
    trusted = {
        name: [s["Principal"] for s in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]]
        for name, resource in bootstrap(environment).items()
        if resource["Type"] == "AWS::IAM::Role" and name not in ("DeployRole", "DriftRole")
    }
    expected = {
        "ExecutionRole": [{"Service": "cloudformation.amazonaws.com"}],
        "ApiGatewayLogRole": [{"Service": "apigateway.amazonaws.com"}],
    }

    assert expected == trusted


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("GitHubOwner", "*"),
        ("GitHubOwner", "acme/other"),
        ("GitHubRepository", "ledger*"),
        ("GitHubRepository", "ledger:environment:dev"),
        ("GitHubOwnerId", "*"),
        ("GitHubOwnerId", ""),
        ("GitHubRepositoryId", "2002/ledger"),
        ("Environment", "*"),
        ("Environment", "prod-eu"),
    ],
)
def test_no_answer_makes_the_subject_a_pattern(parameter: str, value: str) -> None:
    """A wildcard, a colon or a slash in an answer would name more than one job, or another one."""
    pattern = source("bootstrap/template.yaml")["Parameters"][parameter]["AllowedPattern"]

    assert not re.fullmatch(pattern, value)


# Several applications in an account ----------------------------------------------------------------------


LONGEST = {"Name": "shop-with-the-longest-name", "Environment": "environment1"}


@pytest.mark.parametrize("name", ["sh", "shop", "shop-2", "my-web-shop", "a1", LONGEST["Name"][:25]])
def test_names_that_an_application_may_have(name: str) -> None:
    """Words of lower-case letters and digits, joined by one hyphen, as samconfig.toml takes them."""
    assert takes("Name", name)
    assert LONGEST_NAME == source("bootstrap/template.yaml")["Parameters"]["Name"]["MaxLength"]


@pytest.mark.parametrize(
    "name",
    [
        *("", "s", "Shop", "2shop", "-shop", "shop-", "my--shop", "my_shop", "my.shop", "shop/dev", "shop*"),
        *("aws-shop", "awsome", "ssm1", "sthree-shop", "amzn-s3-demo-shop", LONGEST["Name"][:26]),
    ],
)
def test_names_that_none_may_have(name: str) -> None:
    """What S3 takes in no bucket's name (Amazon S3 user guide, "General purpose bucket naming rules"), and SSM in no
    parameter's (Systems Manager, PutParameter: none may be prefixed with aws or ssm)."""
    assert not takes("Name", name)


def takes(parameter: str, value: str) -> bool:
    """Whether CloudFormation takes the value of a parameter."""
    about = source("bootstrap/template.yaml")["Parameters"][parameter]
    fits = about["MinLength"] <= len(value) <= about["MaxLength"]
    return fits and re.fullmatch(about["AllowedPattern"], value) is not None


def test_the_longest_names_are_names() -> None:
    """With the longest name of an application and an environment each name is one that its service takes, and no
    policy is too long (IAM's quotas: 6,144 characters for a managed policy, 10,240 for a role's)."""
    stack = bootstrap("dev", **LONGEST | {"Name": LONGEST["Name"][:25]})
    buckets, roles = (
        [one["Properties"][key] for one in stack.values() if one["Type"] == kind]
        for kind, key in [("AWS::S3::Bucket", "BucketName"), ("AWS::IAM::Role", "RoleName")]
    )
    policies = [stack["Boundary"], *(stack["ExecutionRole"]["Properties"]["Policies"])]
    sizes = [len(json.dumps(one, separators=(",", ":"))) for one in policies]

    assert 12 == len(LONGEST["Environment"])
    assert 3 == len(buckets)
    assert 4 == len(roles)
    assert [] == [name for name in buckets if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name)]
    assert [] == [name for name in roles if not re.fullmatch(r"[\w+=,.@-]{1,64}", name)]
    assert sizes[0] < 6144
    assert sizes[1] < 10240


def test_only_the_first_application_makes_what_an_account_has_once() -> None:
    """The provider, and API Gateway's log role: the second application has both left out, and nothing else."""
    first, second = (
        bootstrap("dev", Name=name, CreateOidcProvider=once, SetApiGatewayAccount=once)
        for name, once in [("shop", "true"), ("depot", "false")]
    )
    once = set(first) - set(second)

    assert {"OidcProvider", "ApiGatewayLogRole", "ApiGatewayAccount"} == once
    assert set(second) <= set(first)
    assert {("Retain", "Retain")} == {
        (first[name]["DeletionPolicy"], first[name]["UpdateReplacePolicy"]) for name in once
    }


@pytest.mark.parametrize("name", ["shop", "shop-2"])
def test_two_applications_share_no_name(name: str) -> None:
    """Each thing that has a name has another one: none is taken when the second is made."""
    own, other = (
        bootstrap("dev", Name=one, CreateOidcProvider="false", SetApiGatewayAccount="false")
        for one in (name, "depot")
    )
    keys = ("RoleName", "ManagedPolicyName", "BucketName", "AliasName", "Name", "TopicName")
    names = {
        (logical, key): [stack[logical]["Properties"][key] for stack in (own, other)]
        for logical, resource in own.items()
        for key in keys
        if key in resource["Properties"]
    }

    assert len(names) >= 15
    assert [] == [place for place, (left, right) in names.items() if left == right]
    assert [] == [place for place, (left, _) in names.items() if f"{name}-dev" not in left.replace("/", "-")]


@pytest.mark.parametrize(
    ("action", "service", "resource"),
    [
        ("cloudformation:CreateChangeSet", "cloudformation", "stack/{}-dev/1"),
        ("cloudformation:GetTemplate", "cloudformation", "stack/{}-bootstrap/1"),
        ("ssm:GetParameters", "ssm", "parameter/{}/dev/database/host"),
        ("lambda:GetFunction", "lambda", "function:{}-dev-app"),
        ("lambda:UpdateFunctionCode", "lambda", "function:{}-dev-app"),
        ("iam:PutRolePolicy", "iam", "role/{}-dev/AppRole"),
        ("iam:PassRole", "iam", "role/{}-dev/AppRole"),
        ("secretsmanager:UpdateSecret", "secretsmanager", "secret:{}-dev-database-a1B2c3"),
        ("sqs:DeleteQueue", "sqs", "{}-dev-dead-letters"),
        ("logs:DeleteLogGroup", "logs", "log-group:/aws/lambda/{}-dev-app"),
        ("cloudwatch:DeleteAlarms", "cloudwatch", "alarm:{}-dev-app-errors"),
        ("codedeploy:DeleteApplication", "codedeploy", "application:{}-dev-App-1"),
    ],
)
def test_an_application_reaches_its_own_names_alone(action: str, service: str, resource: str) -> None:
    """What the deploy role or the execution role of one may, neither of the other may; also where one name begins
    with the other."""
    context = {"iam:PermissionsBoundary": "<Boundary>", "iam:PassedToService": "lambda.amazonaws.com"}
    may = {
        (name, whose)
        for name in ("shop", "shop2", "shop-2", "depot")
        for whose in ("shop", "shop2", "shop-2", "depot")
        for policies in (deploy_policy("dev", Name=name), execution_policy("dev", Name=name))
        if decide(policies, action, arn("dev", service, resource.format(whose)), context) == "Allow"
    }

    assert {(name, name) for name in ("shop", "shop2", "shop-2", "depot")} == may


def test_an_application_without_a_ledger_writes_to_none() -> None:
    """The records' routes are of any API of the account, so who keeps no ledger reaches no other's."""
    asked = ("execute-api:Invoke", arn("dev", "execute-api", "abc123/live/POST/api/deployments"))

    assert "Allow" == decide(deploy_policy("dev", KeepsLedger="true"), *asked)
    assert "Nothing" == decide(deploy_policy("dev", KeepsLedger="false"), *asked)
    assert "ReadLedger" not in [
        s["Sid"] for s in statements([bootstrap("dev", KeepsLedger="false")["AuditorPolicy"]["Properties"]])
    ]


# The deploy role ------------------------------------------------------------------------------------------


@each_environment
@pytest.mark.parametrize("action", ["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue"])
@pytest.mark.parametrize("secret", ["{own}-database-a1B2c3", "rds-master-AbCdEf"])
def test_the_deploy_role_is_denied_every_secret(environment: str, action: str, secret: str) -> None:
    """An explicit refusal, which no policy added later can outweigh."""
    resource = arn(environment, "secretsmanager", f"secret:{secret.format(**names(environment))}")

    assert "Deny" == decide(deploy_policy(environment), action, resource)
    assert "Deny" == decide(execution_policy(environment), action, resource)


@each_environment
@pytest.mark.parametrize(
    ("action", "service", "resource"),
    [
        ("cloudformation:CreateChangeSet", "cloudformation", "stack/{own}/1"),
        ("cloudformation:DeleteChangeSet", "cloudformation", "stack/{own}/1"),
        ("cloudformation:ExecuteChangeSet", "cloudformation", "stack/{own}/1"),
        ("ssm:GetParameters", "ssm", "parameter/{name}/{env}/database/host"),
        ("lambda:GetFunction", "lambda", "function:{own}-app:live"),
        ("execute-api:Invoke", "execute-api", "abc123/live/GET/api/deployments"),
        ("execute-api:Invoke", "execute-api", "abc123/live/POST/api/deployments"),
        ("execute-api:Invoke", "execute-api", "abc123/live/POST/api/reports"),
        ("execute-api:Invoke", "execute-api", "abc123/live/POST/api/releases"),
    ],
)
def test_what_the_deploy_role_may(environment: str, action: str, service: str, resource: str) -> None:
    """Each of these is a step of a deployment."""
    target = arn(environment, service, resource.format(**names(environment)))

    assert "Allow" == decide(deploy_policy(environment), action, target)


@each_environment
@pytest.mark.parametrize(
    ("action", "service", "resource"),
    [
        ("cloudformation:DeleteStack", "cloudformation", "stack/{own}/1"),
        ("cloudformation:CreateStack", "cloudformation", "stack/{own}/1"),
        ("cloudformation:UpdateStack", "cloudformation", "stack/{own}/1"),
        ("cloudformation:SetStackPolicy", "cloudformation", "stack/{own}/1"),
        ("cloudformation:CreateChangeSet", "cloudformation", "stack/{name}-bootstrap/1"),
        ("cloudformation:CreateChangeSet", "cloudformation", "stack/{own}2/1"),
        ("iam:PassRole", "iam", "role/{own}-deploy"),
        ("iam:CreateRole", "iam", "role/{own}/x"),
        ("sts:AssumeRole", "iam", "role/{own}-execution"),
        ("ssm:PutParameter", "ssm", "parameter/{name}/{env}/database/host"),
        ("ssm:GetParameters", "ssm", "parameter/other"),
        ("lambda:UpdateFunctionCode", "lambda", "function:{own}-app"),
        ("lambda:InvokeFunction", "lambda", "function:{own}-migrate"),
        ("execute-api:Invoke", "execute-api", "abc123/live/DELETE/api/deployments"),
        ("execute-api:Invoke", "execute-api", "abc123/other/POST/api/deployments"),
        ("execute-api:Invoke", "execute-api", "abc123/live/POST/api/sessions"),
        ("kms:Decrypt", "kms", "key/1"),
    ],
)
def test_what_the_deploy_role_may_not(environment: str, action: str, service: str, resource: str) -> None:
    """It drives CloudFormation; it makes, changes and deletes nothing itself."""
    target = arn(environment, service, resource.format(**names(environment)))

    assert "Allow" != decide(deploy_policy(environment), action, target)


@each_environment
@pytest.mark.parametrize(
    ("via", "key", "context", "decision"),
    [
        ("lambda", "aws:lambda:FunctionArn", "lambda:function:{own}-app", "Allow"),
        ("lambda", "aws:lambda:FunctionArn", "lambda:function:{own}-rotation", "Allow"),
        ("lambda", "aws:lambda:FunctionArn", "lambda:function:{own}2-app", "Nothing"),
        ("lambda", "aws:lambda:FunctionArn", "lambda:function:other", "Nothing"),
        ("lambda", "aws:lambda:EventSourceArn", "lambda:function:{own}-app", "Nothing"),
        ("secretsmanager", "SecretARN", "secretsmanager:secret:{own}-database-AbCdEf", "Nothing"),
        ("secretsmanager", "aws:lambda:FunctionArn", "lambda:function:{own}-app", "Nothing"),
        ("sqs", "aws:sqs:arn", "sqs:{own}-dead-letters", "Nothing"),
        ("", "aws:lambda:FunctionArn", "lambda:function:{own}-app", "Nothing"),
    ],
)
def test_the_deploy_role_opens_variables_of_its_functions_alone(
    environment: str, via: str, key: str, context: str, decision: str
) -> None:
    """Lambda shows variables under a customer's key to who may decrypt with it (Lambda's guide, "Securing Lambda
    environment variables"); as the encryption context it gives the function's ARN. Nothing else that the key
    encrypts is opened by it."""
    asked = {
        f"kms:EncryptionContext:{key}": arn(environment, *context.format(**names(environment)).split(":", 1))
    }
    asked |= {"kms:ViaService": f"{via}.{region(environment)}.amazonaws.com"} if via else {}

    assert decision == decide(deploy_policy(environment), "kms:Decrypt", "<DataKey.Arn>", asked)
    assert "Nothing" == decide(deploy_policy(environment), "kms:Decrypt", "<SigningKey.Arn>", asked)


@each_environment
@pytest.mark.parametrize(
    ("action", "service", "resource", "decision"),
    [
        ("cloudformation:DescribeStacks", "cloudformation", "stack/{own}/1", "Allow"),
        ("execute-api:Invoke", "execute-api", "abc123/live/GET/api/findings", "Allow"),
        ("execute-api:Invoke", "execute-api", "abc123/live/GET/api/reads", "Allow"),
        ("execute-api:Invoke", "execute-api", "abc123/live/POST/api/sessions", "Allow"),
        ("execute-api:Invoke", "execute-api", "abc123/live/POST/api/deployments", "Nothing"),
        ("execute-api:Invoke", "execute-api", "abc123/live/POST/api/evidence", "Nothing"),
        ("cloudformation:CreateChangeSet", "cloudformation", "stack/{own}/1", "Nothing"),
        ("kms:Decrypt", "kms", "key/1", "Nothing"),
    ],
)
def test_auditors_read_and_deployers_write(
    environment: str, action: str, service: str, resource: str, decision: str
) -> None:
    """Who audits may read each record and ask for a link; nothing that changes what is audited."""
    target = arn(environment, service, resource.format(**names(environment)))

    assert decision == decide(auditor_policy(environment), action, target)


@each_environment
def test_the_drift_role_changes_nothing(environment: str) -> None:
    """It has rights of the deploy role's alone, of which none changes, signs or keeps anything: it adds what it found
    to the ledger, where there is one."""
    granted = [s for s in drift_policy(environment) if s["Effect"] == "Allow"]
    actions = {action for s in granted for action in texts(s["Action"])}
    deploying = {action for s in deploy_policy(environment) for action in texts(s["Action"])}
    without = [s["Sid"] for s in drift_policy(environment, KeepsLedger="false")]

    assert actions <= deploying
    assert {"execute-api:Invoke", "kms:Decrypt"} == {
        one for one in actions if not re.match(r"[a-z0-9]+:(Get|List|Describe)", one)
    }
    assert ["TellLedger"] == [s["Sid"] for s in granted if "execute-api:Invoke" in texts(s["Action"])]
    assert "TellLedger" not in without
    for action, resource in (("kms:Decrypt", "<DataKey.Arn>"), ("secretsmanager:GetSecretValue", "*")):
        assert "Allow" != decide(drift_policy(environment), action, resource)


@each_environment
def test_a_reader_looks_and_does_nothing_else(environment: str) -> None:
    """What `pipeline status` asks is granted; nothing is denied, which would also bind whoever has more; the drift role
    has it as well."""
    policy = bootstrap(environment)["ReaderPolicy"]["Properties"]
    granted = {action for s in reader_policy(environment) for action in texts(s["Action"])}
    asked = {
        *("cloudformation:DescribeStacks", "cloudformation:GetTemplate", "cloudformation:ListStackResources"),
        *("kms:Decrypt", "kms:GetPublicKey", "lambda:GetFunction", "s3:GetObject", "s3:ListBucket"),
        *("ssm:GetParameter", "ssm:GetParameters"),
    }

    assert asked == granted
    assert {"Allow"} == {s["Effect"] for s in reader_policy(environment)}
    assert [f"{prefix(environment)}-reader", ["<DriftRole>"]] == [
        policy["ManagedPolicyName"],
        policy["Roles"],
    ]
    for action, resource in (
        ("kms:Decrypt", "<DataKey.Arn>"),
        ("s3:GetObject", "<EvidenceBucket.Arn>/v1.0.0/x"),
    ):
        assert "Nothing" == decide(reader_policy(environment), action, resource)
    withdrawal = "<EvidenceBucket.Arn>/withdrawals/abc.json"
    assert "Allow" == decide(reader_policy(environment), "s3:GetObject", withdrawal)


@each_environment
@pytest.mark.parametrize(
    ("service", "decision"), [("cloudformation.amazonaws.com", "Allow"), ("lambda.amazonaws.com", "Nothing")]
)
def test_the_execution_role_goes_to_cloudformation_only(
    environment: str, service: str, decision: str
) -> None:
    """A deployment can't run its own code as the execution role."""
    context = {"iam:PassedToService": service}

    assert decision == decide(deploy_policy(environment), "iam:PassRole", "<ExecutionRole.Arn>", context)


@each_environment
@pytest.mark.parametrize("folder", ["bundles", "packages"])
@pytest.mark.parametrize("action", ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"])
def test_the_deploy_role_alone_writes_code(environment: str, folder: str, action: str) -> None:
    """An administrator's right to all buckets ends there; reading, and the other folders, are as they were."""
    policy = bootstrap(environment)["ArtifactBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    key = f"<ArtifactBucket.Arn>/{folder}/x"
    others = {"aws:PrincipalArn": "arn:aws:iam::000000000001:role/admin", "aws:SecureTransport": "true"}
    own = {**others, "aws:PrincipalArn": "<DeployRole.Arn>"}

    assert ("Deny", "Nothing") == tuple(decide(policy, action, key, who) for who in (others, own))
    assert "Deny" != decide(policy, "s3:GetObject", key, others)
    assert "Nothing" == decide(policy, action, "<ArtifactBucket.Arn>/releases/x", others)


@each_environment
def test_no_grant_of_the_deploy_role_is_a_pattern_of_actions(environment: str) -> None:
    """Whole actions, and resources that name the environment, in every statement that allows."""
    everywhere = {
        "UseServerlessTransform",  # AWS's macro
        "RecordDeployments",  # the API's id is made later
        "CompareBootstrap",  # the account's one bootstrap stack
        "AskForLimits",  # the account's
    }
    granted = [
        s for s in deploy_policy(environment, PromotionSourceBucket="promoted") if s["Effect"] == "Allow"
    ]
    loose = [
        (statement["Sid"], resource)
        for statement in granted
        for resource in texts(statement["Resource"])
        if statement["Sid"] not in everywhere
        and not re.search(
            rf"(^|[:/]){re.escape(prefix(environment))}\b|parameter/{name_of_application()}/{environment}/|^<\w+(\.Arn)?>|^arn:aws:s3:::promoted(/bundles/|/commits/|$)",
            resource,
        )
    ]

    assert [] == [s for s in granted if any("*" in action for action in texts(s["Action"]))]
    assert [] == loose


@pytest.mark.parametrize(
    ("key", "decision"), [("bundles/x", "Allow"), ("commits/x", "Allow"), ("other/x", "Nothing")]
)
def test_promotion_reads_the_source_and_writes_nothing(key: str, decision: str) -> None:
    """Prod takes bundles from dev's bucket; an environment without a source has no such right."""
    target = f"arn:aws:s3:::shop-dev-artifacts-111111111111/{key}"
    prod = deploy_policy("prod", PromotionSourceBucket="shop-dev-artifacts-111111111111")

    assert decision == decide(prod, "s3:GetObject", target)
    assert "Nothing" == decide(prod, "s3:PutObject", target)
    assert "Nothing" == decide(deploy_policy("prod"), "s3:GetObject", target)


@each_environment
def test_evidence_is_written_and_read_and_never_removed(environment: str) -> None:
    """The role that makes the evidence can't change it afterwards."""
    allowed = {
        action
        for action in (
            "s3:PutObject",
            "s3:GetObject",
            "s3:DeleteObject",
            "s3:PutObjectRetention",
            "s3:PutBucketPolicy",
        )
        if decide(deploy_policy(environment), action, "<EvidenceBucket.Arn>/passports/x") == "Allow"
    }

    assert {"s3:GetObject", "s3:PutObject"} == allowed


# The boundary ---------------------------------------------------------------------------------------------


@each_environment
def test_execution_role_carries_the_boundary(environment: str) -> None:
    """What it makes can do no more than it could itself be allowed."""
    assert "<Boundary>" == bootstrap(environment)["ExecutionRole"]["Properties"]["PermissionsBoundary"]


@each_environment
@pytest.mark.parametrize(
    "action", ["CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "SetDefaultPolicyVersion"]
)
def test_the_boundary_can_not_be_rewritten_from_inside(environment: str, action: str) -> None:
    """Whatever policy a role with this boundary is given."""
    target = arn(environment, "iam", f"policy/{prefix(environment)}-boundary")

    assert "Deny" == decide(boundary(environment), f"iam:{action}", target, as_execution_role(environment))


@each_environment
@pytest.mark.parametrize(
    "action", ["CreateRole", "PutRolePermissionsBoundary", "PutRolePolicy", "AttachRolePolicy", "CreateUser"]
)
@pytest.mark.parametrize("given", [None, "arn:aws:iam::aws:policy/AdministratorAccess"])
def test_nothing_is_made_without_the_boundary(environment: str, action: str, given: str | None) -> None:
    """Neither with no boundary nor with another one."""
    context = as_execution_role(environment) | ({"iam:PermissionsBoundary": given} if given else {})
    target = arn(environment, "iam", f"role/{prefix(environment)}/new")

    assert "Deny" == decide(boundary(environment), f"iam:{action}", target, context)
    assert "Allow" != decide(execution_policy(environment), f"iam:{action}", target, context)


@each_environment
def test_the_boundary_can_not_be_taken_off(environment: str) -> None:
    """From no role and no user."""
    own = as_execution_role(environment) | {"iam:PermissionsBoundary": arn(environment, "iam", "policy/x")}

    for action, target in [
        ("iam:DeleteRolePermissionsBoundary", f"role/{prefix(environment)}/AppRole"),
        ("iam:DeleteRolePermissionsBoundary", f"role/{prefix(environment)}-execution"),
        ("iam:DeleteUserPermissionsBoundary", "user/somebody"),
    ]:
        assert "Deny" == decide(boundary(environment), action, arn(environment, "iam", target), own)


@each_environment
@pytest.mark.parametrize("role", ["deploy", "execution", "api-logs"])
@pytest.mark.parametrize(
    "action", ["UpdateAssumeRolePolicy", "PutRolePolicy", "AttachRolePolicy", "DeleteRole", "PassRole"]
)
def test_a_deployment_can_not_touch_the_pipelines_roles(environment: str, role: str, action: str) -> None:
    """Least of all the trust of its own deploy role, not even while naming the right boundary."""
    context = as_execution_role(environment) | {"iam:PermissionsBoundary": "<Boundary>"}
    target = arn(environment, "iam", f"role/{prefix(environment)}-{role}")

    assert "Deny" == decide(boundary(environment), f"iam:{action}", target, context)
    assert "Allow" != decide(execution_policy(environment), f"iam:{action}", target, context)


@each_environment
@pytest.mark.parametrize(
    "action", ["iam:CreateRole", "lambda:CreateFunction", "s3:GetObject", "kms:ScheduleKeyDeletion"]
)
def test_a_function_never_gets_what_the_execution_role_may(environment: str, action: str) -> None:
    """The wide part of the ceiling is for the execution role alone."""
    function = {
        "aws:PrincipalArn": arn(environment, "iam", f"role/{prefix(environment)}/AppRole"),
        "iam:PermissionsBoundary": arn(environment, "iam", f"policy/{prefix(environment)}-boundary"),
    }
    anything = arn(environment, "lambda", f"function:{prefix(environment)}-app")

    assert "Nothing" == decide(boundary(environment), action, anything, function)
    assert "Allow" == decide(
        boundary(environment), action, anything, function | as_execution_role(environment)
    )


@each_environment
def test_the_boundary_leaves_room_for_the_execution_role(environment: str) -> None:
    """Every action that its own policy allows passes the ceiling too."""
    context = as_execution_role(environment) | {
        "iam:PermissionsBoundary": arn(environment, "iam", f"policy/{prefix(environment)}-boundary")
    }
    cut = [
        (action, resource)
        for statement in execution_policy(environment)
        if statement["Effect"] == "Allow"
        for action in texts(statement["Action"])
        for resource in texts(statement["Resource"])
        if decide(boundary(environment), action, resource, context) != "Allow"
    ]

    assert [] == cut


@each_environment
def test_policies_fit_into_their_limits(environment: str) -> None:
    """AWS counts without blanks: 6,144 characters for a managed policy, 10,240 for a role's inline ones."""
    deploying = deploy_policy(environment, PromotionSourceBucket="promoted")
    managed = len(
        json.dumps(bootstrap(environment)["Boundary"]["Properties"]["PolicyDocument"], separators=(",", ":"))
    )
    inline = [
        len(json.dumps(policy, separators=(",", ":")))
        for policy in (execution_policy(environment), deploying)
    ]

    assert managed < 6144
    assert max(inline) < 10240


def as_execution_role(environment: str) -> dict[str, str]:
    return {"aws:PrincipalArn": arn(environment, "iam", f"role/{prefix(environment)}-execution")}


# Buckets, keys, values ------------------------------------------------------------------------------------


@each_environment
@pytest.mark.parametrize("name", sorted(BUCKETS))
def test_every_bucket_is_private_versioned_encrypted_and_kept(environment: str, name: str) -> None:
    """And answers over TLS alone."""
    bucket = bootstrap(environment)[name]
    (refusal,) = [s for s in bucket_policy(environment, name) if s["Sid"] == "TlsOnly"]
    expected = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"<{name}.Arn>", f"<{name}.Arn>/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }

    assert ("Retain", "Retain") == (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"])
    assert {True} == set(bucket["Properties"]["PublicAccessBlockConfiguration"].values())
    assert 4 == len(bucket["Properties"]["PublicAccessBlockConfiguration"])
    assert {"Status": "Enabled"} == bucket["Properties"]["VersioningConfiguration"]
    assert "ServerSideEncryptionByDefault" in str(bucket["Properties"]["BucketEncryption"])
    assert expected == refusal


def bucket_policy(environment: str, bucket: str, **answers: str) -> list[dict[str, Any]]:
    (found,) = [
        resource["Properties"]
        for resource in bootstrap(environment, **answers).values()
        if resource["Type"] == "AWS::S3::BucketPolicy" and resource["Properties"]["Bucket"] == f"<{bucket}>"
    ]
    return statements([found])


def test_reads_of_bundles_and_evidence_are_logged() -> None:
    """Who looked at what an auditor relies on stays known, as long as the evidence itself."""
    found = bootstrap("prod", EvidenceRetentionDays="700")
    targets = {
        name: found[name]["Properties"].get("LoggingConfiguration", {}).get("DestinationBucketName")
        for name in BUCKETS
    }
    (rule,) = found["AccessLogBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]

    assert {
        "ArtifactBucket": "<AccessLogBucket>",
        "EvidenceBucket": "<AccessLogBucket>",
        "AccessLogBucket": None,
    } == targets
    assert "700" == rule["ExpirationInDays"]


def test_no_bundle_expires() -> None:
    """A rollback needs the release before, however old; only what was overwritten goes."""
    (rule,) = bootstrap("dev")["ArtifactBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]

    assert {"Id", "Status", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"} == set(rule)


@pytest.mark.parametrize(
    ("accounts", "principals"),
    [
        ("", []),
        ("222222222222", ["222222222222"]),
        ("222222222222,333333333333", ["222222222222", "333333333333"]),
    ],
)
def test_who_may_promote_from_here(accounts: str, principals: list[str]) -> None:
    """The named accounts read bundles and what is known of commits, and nobody else anything."""
    allowed = [
        s
        for s in bucket_policy("dev", "ArtifactBucket", ArtifactReaderAccounts=accounts)
        if s["Effect"] == "Allow"
    ]
    expected = [
        {
            "Sid": "Promotion",
            "Effect": "Allow",
            "Principal": {"AWS": principals},
            "Action": "s3:GetObject",
            "Resource": ["<ArtifactBucket.Arn>/bundles/*", "<ArtifactBucket.Arn>/commits/*"],
        },
        {
            "Sid": "TellMissingFromRefused",
            "Effect": "Allow",
            "Principal": {"AWS": principals},
            "Action": "s3:ListBucket",
            "Resource": "<ArtifactBucket.Arn>",
        },
    ]

    assert (expected if principals else []) == allowed


def test_evidence_can_not_be_deleted() -> None:
    """Object Lock from the first byte, by default in the mode that binds even root; no marker hides it."""
    bucket = bootstrap("prod")["EvidenceBucket"]["Properties"]
    retention = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    refused = {
        s["Sid"]: texts(s["Action"]) for s in bucket_policy("prod", "EvidenceBucket") if s["Effect"] == "Deny"
    }

    assert bucket["ObjectLockEnabled"] is True
    assert {"Mode": "COMPLIANCE", "Days": 400} == retention
    assert {"s3:DeleteObject", "s3:DeleteObjectVersion"} <= set(refused["NobodyRemovesEvidence"])


def test_only_the_deploy_role_signs() -> None:
    """The account's administrators keep the key, and can't sign with it; it can't be locked out either."""
    key = bootstrap("prod")["SigningKey"]["Properties"]
    allowed = {s["Sid"]: (s["Principal"], set(texts(s["Action"]))) for s in key["KeyPolicy"]["Statement"]}
    root, administration = allowed["Administration"]
    signer, signing = allowed["Signing"]

    assert ("ECC_NIST_P256", "SIGN_VERIFY") == (key["KeySpec"], key["KeyUsage"])
    assert {"Administration", "Signing"} == set(allowed)
    assert {"AWS": arn("prod", "iam", "root")} == root
    assert not [action for action in administration if "*" in action or action == "kms:Sign"]
    assert {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"} <= administration
    assert {"AWS": "<DeployRole.Arn>"} == signer
    assert "kms:Sign" in signing


def test_keys_are_kept_and_the_data_key_rotates() -> None:
    """Without the key what it encrypted, or proved, is lost."""
    found = bootstrap("prod")
    kept = {
        (found[name]["DeletionPolicy"], found[name]["UpdateReplacePolicy"])
        for name in ("SigningKey", "DataKey")
    }

    assert {("Retain", "Retain")} == kept
    assert found["DataKey"]["Properties"]["EnableKeyRotation"] is True


OTHER_KEY = "arn:aws:kms:eu-west-1:111111111111:key/1234abcd"


@each_environment
def test_another_key_takes_the_data_keys_place(environment: str) -> None:
    """It encrypts, and whoever may use the one that is made here may use it for the same, and no other; that one goes
    on opening what lies under it."""
    plain, found = bootstrap(environment), bootstrap(environment, DataKeyArn=OTHER_KEY)

    def uses(policies: dict[str, Any]) -> list[list[str]]:
        given = json.dumps(policies).replace(OTHER_KEY, "<OtherKey>")
        statements = re.findall(r'"Resource": (\[[^]]*\]|"[^"]*")', given)
        return [texts(json.loads(one)) for one in statements if "<DataKey.Arn>" in one or "<OtherKey>" in one]

    assert OTHER_KEY == found["DataKeyArnParameter"]["Properties"]["Value"]
    assert OTHER_KEY == found["AlarmTopic"]["Properties"]["KmsMasterKeyId"]
    assert "<DataKey>" == plain["AlarmTopic"]["Properties"]["KmsMasterKeyId"]
    assert [["<DataKey.Arn>"]] * 5 == uses(plain)
    assert [["<DataKey.Arn>", "<OtherKey>"]] * 5 == uses(found)
    asked = {
        "kms:ViaService": f"lambda.{region(environment)}.amazonaws.com",
        "kms:EncryptionContext:aws:lambda:FunctionArn": arn(
            environment, "lambda", f"function:{prefix(environment)}-app"
        ),
    }
    given = deploy_policy(environment, DataKeyArn=OTHER_KEY)
    assert "Allow" == decide(given, "kms:Decrypt", OTHER_KEY, asked)
    assert "Nothing" == decide(given, "kms:Decrypt", f"{OTHER_KEY}0", asked)


@each_environment
def test_a_deployment_finds_what_it_asks_for(environment: str) -> None:
    """Every SSM parameter that the stack resolves is made here, as plain text, and holds no secret."""
    declared = source("template.yaml")["Parameters"]
    asked = {
        value for name, value in overrides(environment) if declared[name]["Type"].startswith("AWS::SSM::")
    }
    made = {
        resource["Properties"]["Name"]: resource["Properties"]
        for resource in bootstrap(environment).values()
        if resource["Type"] == "AWS::SSM::Parameter"
    }
    answers = {*BOOTSTRAP_ANSWERS.values(), "<DataKey.Arn>", "verify-full"}

    assert asked == set(made)
    assert {"String"} == {parameter["Type"] for parameter in made.values()}
    assert {parameter["Value"] for parameter in made.values()} <= answers


@each_environment
def test_samconfig_names_what_is_made_here(environment: str) -> None:
    """Roles, boundary, bucket and topic have the names that the environment's settings expect."""
    found = bootstrap(environment)
    deploy, values = settings(environment, "deploy"), dict(overrides(environment))
    role = arn(environment, "iam", "role/")
    topic = arn(environment, "sns", found["AlarmTopic"]["Properties"]["TopicName"])

    assert role + found["ExecutionRole"]["Properties"]["RoleName"] == deploy["role_arn"]
    assert (
        role + found["DeployRole"]["Properties"]["RoleName"]
        == settings(environment, "pipeline")["deploy_role"]
    )
    assert role + found["DriftRole"]["Properties"]["RoleName"] == samconfig.read(ROOT, environment).drift_role
    assert found["ArtifactBucket"]["Properties"]["BucketName"] == deploy["s3_bucket"]
    assert (
        arn(environment, "iam", "policy/" + found["Boundary"]["Properties"]["ManagedPolicyName"])
        == values["PermissionsBoundaryArn"]
    )
    assert values["AlarmTopicArn"] in ("", topic)


def test_no_secret_is_asked_for() -> None:
    """The administrator types no secret: nothing here needs to be hidden."""
    template = source("bootstrap/template.yaml")

    assert [] == [name for name, parameter in template["Parameters"].items() if "NoEcho" in parameter]
    assert [] == re.findall(r"resolve:(?:secretsmanager|ssm-secure)", str(template))


def test_the_readme_gives_a_reason_for_every_statement() -> None:
    """What is granted without a reason can't be reviewed; a reason for nothing misleads."""
    policies = [
        *deploy_policy("prod", PromotionSourceBucket="promoted"),
        *auditor_policy("prod"),
        *drift_policy("prod"),
        *execution_policy("prod"),
        *boundary("prod"),
    ]
    readme = (ROOT / "bootstrap/README.md").read_text()
    reasons = readme[readme.index("## Why each permission") :]
    explained = set(re.findall(r"`([A-Z][A-Za-z]+)`(?=.* \|)", reasons)) - {"UpdateStack", "DeleteStack"}

    assert {statement["Sid"] for statement in policies} | GENERATED == explained


def test_the_readme_uses_answers_that_exist() -> None:
    """Each parameter in its commands is declared, and each that has no default is given."""
    readme = (ROOT / "bootstrap/README.md").read_text()
    declared = source("bootstrap/template.yaml")["Parameters"]
    required = {name for name, parameter in declared.items() if "Default" not in parameter}
    commands = re.findall(r"--parameter-overrides (.*?)\n\$", readme, re.DOTALL)

    assert 2 == len(commands)
    for command in commands:
        given = set(re.findall(r"(\w+)=", command))
        assert given <= set(declared)
        assert required <= given
