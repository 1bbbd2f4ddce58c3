"""What people reported of tools like this one, restated: what each case must come to here, by rule and line.

A line that must be told ends in `# told: RULE`; of the rules of a case no other line may be told.
"""

import re
from collections.abc import Callable

import pytest

from pipeline.gate.engines import cfn_lint, own
from pipeline.gate.engines.base import Context
from pipeline.source.project import Project
from tests import rules

pytestmark = pytest.mark.outside

type Make = Callable[..., Project]
RULES = {one.id: one for one in rules.RULES}
SETTINGS = """\
version = 0.1
[dev.global.parameters]
stack_name = "esclusa-dev"
region = "eu-west-1"
[dev.deploy.parameters]
s3_bucket = "b"
s3_prefix = "p"
role_arn = "r"
capabilities = ["CAPABILITY_IAM"]
tags = ["a=b"]
parameter_overrides = ['Environment="dev"']
[dev.pipeline.parameters]
account = "111111111111"
deploy_role = "d"
promote_from = ""
soak_minutes = 0
"""
FUNCTION = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Environment: { Type: String }
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.aws.handler
      CodeUri: build/app/
"""
# id of the report: rules, template.yaml or samconfig.toml
CASES = {
    "aws-sam-cli-2018-blank": (
        "override_valid environment_complete",
        SETTINGS.replace(
            """['Environment="dev"']""", "[\n'Environment=dev and more', # told: override_valid\n]"
        ).replace("parameter_overrides = [\n", "parameter_overrides = [ # told: environment_complete\n"),
    ),
    "aws-sam-cli-1652-empty": (
        "override_valid environment_complete",
        SETTINGS.replace("""['Environment="dev"']""", """['Environment=""']"""),
    ),
    "aws-sam-cli-9048-region-of-default": (
        "environment_complete",
        SETTINGS.replace('region = "eu-west-1"\n', "")
        .replace("[dev.global.parameters]", "[dev.global.parameters] # told: environment_complete")
        .replace(
            "version = 0.1",
            'version = 0.1\n[default.global.parameters] # told: environment_complete\nregion = "eu-west-1"',
        ),
    ),
    "aws-sam-cli-9048-stack-of-default": (
        "environment_complete",
        SETTINGS.replace('stack_name = "esclusa-dev"\n', "")
        .replace("[dev.global.parameters]", "[dev.global.parameters] # told: environment_complete")
        .replace(
            "version = 0.1",
            'version = 0.1\n[default.deploy.parameters] # told: environment_complete\nstack_name = "x"',
        ),
    ),
    "aws-sam-cli-4404-default": (
        "environment_complete",
        SETTINGS.replace(
            "parameter_overrides = ['Environment=\"dev\"']",
            "parameter_overrides = [] # told: environment_complete",
        ),
    ),
    "SAM-1640-version-by-code-alone": (
        "published_version",
        FUNCTION.replace(
            "  Environment: { Type: String }", "  Environment: { Type: String }\n  Lvl: { Type: String }"
        ).replace("  Function:\n", "  Function: # told: published_version\n")
        + "      AutoPublishAlias: live\n"
        + "      Environment: { Variables: { L: !Ref Lvl } }\n"
        + "      Events: { Get: { Type: Api, Properties: { Path: /, Method: GET } } }\n",
    ),
    "SAM-1640-all-properties": (
        "published_version",
        FUNCTION.replace("  Function:\n", "  Function: # told: published_version\n")
        + "      AutoPublishAlias: live\n      AutoPublishAliasAllProperties: true\n"
        + "      Events: { Get: { Type: Api, Properties: { Path: /, Method: GET } } }\n",
    ),
    "SAM-1640-digest-of-the-release": (
        "published_version",
        FUNCTION.replace(
            "  Environment: { Type: String }",
            "  Environment: { Type: String }\n  ReleaseDigest: { Type: String, Default: unreleased }",
        )
        + "      AutoPublishAlias: live\n      AutoPublishCodeSha256: !Ref ReleaseDigest\n"
        + "      Events: { Get: { Type: Api, Properties: { Path: /, Method: GET } } }\n",
    ),
    "checkov-2758-key-in-globals": (
        "encrypted_settings",
        FUNCTION.replace("Resources:", "Globals:\n  Function:\n    KmsKeyArn: !ImportValue key\nResources:")
        + "      Environment: { Variables: { A: b } }\n",
    ),
    "checkov-2758-no-key": (
        "encrypted_settings",
        FUNCTION.replace("  Function:\n", "  Function: # told: encrypted_settings\n")
        + "      Environment: { Variables: { A: b } }\n",
    ),
    "cfn_nag-74-administrator": (
        "managed_policy wildcard_action wildcard_resource function_url",
        FUNCTION
        + "      Policies:\n"
        + "        - AdministratorAccess # told: managed_policy\n"
        + "        - Statement:\n"
        + "            - Effect: Allow\n"
        + '              Action: "*" # told: wildcard_action\n'
        + '              Resource: "*" # told: wildcard_resource\n'
        + "      FunctionUrlConfig:\n"
        + "        AuthType: NONE # told: function_url\n",
    ),
    "checkov-234-skip": (
        "inline_skip",
        FUNCTION
        + "  Bucket:\n    Type: AWS::S3::Bucket\n    Metadata:\n      checkov: # told: inline_skip\n"
        + "        skip:\n          - id: CKV_AWS_21\n            comment: not needed\n",
    ),
    "SAM-3547-password-in-the-environment": (
        "secret_in_environment secret_parameter",
        FUNCTION.replace(
            "  Environment: { Type: String }",
            "  Environment: { Type: String }\n  Hidden: { Type: String } # told: -\n"
            "  DbPassword: { Type: String } # told: secret_parameter",
        ).replace(" # told: -", "")
        + "      Environment:\n        Variables:\n"
        + "          DB_PASSWORD: '{{resolve:secretsmanager:db:SecretString:password}}' # told: secret_in_environment\n"
        + "          DB_SUB: !Sub '{{resolve:secretsmanager:${Environment}}}' # told: secret_in_environment\n"
        + "          DB_PASS: correct-horse-battery # told: secret_in_environment\n"
        + "          DB_REF: !Ref DbPassword # told: secret_in_environment\n"
        + "          SSM: '{{resolve:ssm-secure:/db/password:1}}' # told: secret_in_environment\n"
        + "          DB_SECRET_ARN: !Sub arn:aws:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:db\n",
    ),
    "SAM-3547-password-in-globals": (
        "secret_in_environment",
        FUNCTION.replace(
            "Resources:",
            "Globals:\n  Function:\n    Environment:\n      Variables:\n"
            "        DB_PASSWORD: correct-horse-battery # told: secret_in_environment\nResources:",
        ),
    ),
    "cfn-lint-297-references": (
        "secret_in_environment secret_parameter secret_in_output",
        FUNCTION.replace(
            "  Environment: { Type: String }",
            "  Environment: { Type: String }\n  Hidden:\n    Type: String\n"
            "    Default: '{{resolve:secretsmanager:db}}' # told: secret_parameter",
        )
        + "      Environment:\n        Variables:\n"
        + "          A: '{{resolve:ssm-secure:/db/x:1}}' # told: secret_in_environment\n"
        + "          B: '{{resolve:secretsmanager:db}}' # told: secret_in_environment\n"
        + "          C: !Ref Hidden # told: secret_in_environment\n"
        + "Outputs:\n  Shown:\n    Value: '{{resolve:secretsmanager:db}}' # told: secret_in_output\n",
    ),
    "aws-sam-cli-2210-parameter": (
        "secret_parameter",
        FUNCTION.replace(
            "  Environment: { Type: String }",
            "  Environment: { Type: String }\n  DbPassword: { Type: String } # told: secret_parameter",
        ),
    ),
    "aws-cdk-19794-incomplete-secret": (
        "secret_generated",
        FUNCTION.replace("app.aws.handler", "rotation.function.handler")
        + "  Secret:\n    Type: AWS::SecretsManager::Secret\n    Properties:\n      GenerateSecretString:\n"
        + '        SecretStringTemplate: \'{"username": "app"}\' # told: secret_generated\n'
        + "        GenerateStringKey: password\n        PasswordLength: 40\n"
        + "  Rotation:\n    Type: AWS::SecretsManager::RotationSchedule\n    Properties:\n"
        + "      SecretId: !Ref Secret\n      RotationLambdaARN: !GetAtt Function.Arn\n"
        + "      RotationRules: { AutomaticallyAfterDays: 30 }\n",
    ),
    "aws-cdk-19794-whole-secret": (
        "secret_generated",
        FUNCTION.replace("app.aws.handler", "rotation.function.handler")
        + "  Secret:\n    Type: AWS::SecretsManager::Secret\n    Properties:\n      GenerateSecretString:\n"
        + '        SecretStringTemplate: \'{"username": "app", "engine": "postgres", "host": "db"}\'\n'
        + "        GenerateStringKey: password\n        PasswordLength: 40\n"
        + "  Rotation:\n    Type: AWS::SecretsManager::RotationSchedule\n    Properties:\n"
        + "      SecretId: !Ref Secret\n      RotationLambdaARN: !GetAtt Function.Arn\n"
        + "      RotationRules: { AutomaticallyAfterDays: 30 }\n",
    ),
}


@pytest.mark.parametrize(("names", "text"), CASES.values(), ids=CASES)
def test_case_is_told_at_its_lines(make_project: Make, names: str, text: str) -> None:
    """Each line that is marked is told by its rule, and no other by any rule of the case."""
    file = "samconfig.toml" if text.startswith("version") else "template.yaml"
    template = (
        "Parameters: { Environment: { Type: String } }\nResources: { Topic: { Type: 'AWS::SNS::Topic' } }\n"
    )
    project = make_project(**({"template.yaml": template, "samconfig.toml": SETTINGS} | {file: text}))
    expected = {
        (name, number)
        for number, row in enumerate(text.splitlines(), 1)
        for name in re.findall(r"# told: (\w+)", row)
    }

    assert [] == list(own.unreadable(project))
    assert expected == {
        (one.rule, one.line) for name in names.split() for one in own.apply(RULES[name], project)
    }


LISTED = """\
Parameters:
  Environment: { Type: String }
  Subnets: { Type: "AWS::SSM::Parameter::Value<List<String>>", Default: /esclusa/subnets }
  Zones: { Type: CommaDelimitedList, Default: "a,b" }
Conditions:
  Private: !Not [!Equals [!Join ["", !Ref Subnets], ""]]
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Condition: Private
    Properties:
      DisplayName: !Join [",", !Ref Subnets]
      Tags:
        - { Key: first, Value: !Select [0, !Ref Subnets] }
        - { Key: zone, Value: !Select [1, !Ref Zones] }
        - { Key: both, Value: !Join ["-", [!Select [0, !Ref Subnets], !Select [0, !Ref Zones]]] }
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: !Sub ["in ${all}", { all: !Join [" ", [!Ref Environment, !Select [1, !Ref Subnets]]] }]
"""


def test_list_of_ssm_that_is_joined_and_selected_passes(make_project: Make) -> None:
    """A list that is read at deploy time is no fault, and is judged as unknown (aws-cdk issues 14364 and 26944)."""
    project = make_project(**{"template.yaml": LISTED, "samconfig.toml": SETTINGS})
    names = ("dangling_reference", "unused_name", "known_type", "ssm_parameter_exists", "secret_in_output")
    stack = project.application[0]

    assert [] == list(own.unreadable(project))
    assert [] == [one for name in names for one in own.apply(RULES[name], project)]
    assert "b" == stack.resources["Topic"].get("Tags", 1, "Value")


LINTED = """\
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: a.b
      Role: arn:aws:iam::111111111111:role/x
      Code: { S3Bucket: b, S3Key: k }
      Timout: 10
  Quiet:
    Type: AWS::SNS::Topic
    Metadata: { cfn-lint: { config: { ignore_checks: [E3002] } } }
    Properties: { DisplayNam: x }
  Loud:
    Type: AWS::SNS::Topic
    Properties: { DisplayNam: x }
"""


@pytest.mark.slow
def test_slip_is_told_at_its_line_whatever_the_resource_ignores(
    make_project: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A misspelled property (cfn-lint issue 2287), and an ignore in Metadata that has no say (issue 3028)."""
    project = make_project(**{"template.yaml": LINTED, "samconfig.toml": SETTINGS})
    told = cfn_lint.ENGINE.run(Context(project, tmp_path_factory.mktemp("scratch")))

    assert {("Function", 9), ("Quiet", 13), ("Loud", 16)} == {
        (one.resource, one.line) for one in told if one.rule == "E3002"
    }
