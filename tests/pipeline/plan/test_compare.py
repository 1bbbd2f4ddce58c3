"""What a change of a template would do, told before anybody deploys it."""

from functools import cache

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.plan import sources
from pipeline.plan.compare import compare
from pipeline.plan.model import Effect
from pipeline.source.environments import environments
from pipeline.source.stacks import Stack
from tests.pipeline.shop import SETTINGS, TEMPLATE, edited, without


@cache
def stack(text: str = TEMPLATE, settings: str = SETTINGS) -> Stack:
    document = sources.document(text, "template.yaml")
    environment = next(
        one for one in environments(sources.document(settings, "samconfig.toml")) if one.name == "dev"
    )
    return sources.expanded(document, environment, environment.parameters)


def plan(*edits: tuple[str, str], text: str = TEMPLATE, settings: str = SETTINGS) -> Effect:
    """The plan of editing the template and its settings."""
    return compare(stack(), stack(edited(*edits, text=text), settings), stack().environment.parameters)


def routed(authorizer: str) -> Stack:
    """A stack with one route, which a team's own template need not have."""
    return stack(
        f"""
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {{ StageName: live, Auth: {{ DefaultAuthorizer: AWS_IAM }} }}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      CodeUri: build/app/
      Handler: app.aws.handler
      Events:
        Post:
          Type: Api
          Properties:
            RestApiId: !Ref Api
            Path: /orders
            Method: POST
            Auth: {{ Authorizer: {authorizer} }}
"""
    )


def actions(effect: Effect) -> dict[str, str]:
    return {one.resource: one.action for one in effect.changes if not one.indirect}


def test_nothing_changes() -> None:
    """The same template and settings: an empty plan."""
    effect = plan()

    assert ((), (), (), False) == (effect.changes, effect.widened, effect.opened, effect.releases)


def test_another_way_of_writing_changes_nothing() -> None:
    """Comments, order and the form of an intrinsic function are no change."""
    effect = plan(
        (
            "QueueName: !Sub ${AWS::StackName}-dead-letters",
            "QueueName: !Join ['-', [!Ref AWS::StackName, dead-letters]] # as before",
        )
    )

    assert () == effect.changes


def test_a_renamed_queue_is_replaced_and_is_a_danger() -> None:
    """Its name can't change in place, and what it holds would be lost."""
    effect = plan(("QueueName: !Sub ${AWS::StackName}-dead-letters", "QueueName: other"))

    assert "replace" == actions(effect)["DeadLetterQueue"]
    assert "holds what can't be made again" in effect.dangers[0]
    assert "QueueName" in effect.dangers[0]


def test_what_names_a_replaced_resource_changes_too() -> None:
    """Functions that name the queue by its ARN are in the plan, marked as indirect."""
    effect = plan(("QueueName: !Sub ${AWS::StackName}-dead-letters", "QueueName: other"))
    indirect = {one.resource for one in effect.changes if one.indirect}

    assert {"MigrateFunction", "RotationFunction", "DeadLetterQueuePolicy"} <= indirect


def test_what_names_what_changes_is_told_of_each() -> None:
    """Only AWS knows what comes of an attribute: the properties that name one are told apart from those that differ."""
    effect = plan(("Timeout: 300", "Timeout: 301"), ("ServiceTimeout: 330", "ServiceTimeout: 331"))
    found = {one.resource: (one.causes, one.through) for one in effect.changes}

    assert ("Timeout",) == found["MigrateFunction"][0]
    assert (("ServiceTimeout",), ("ServiceToken",)) == found["Migration"]


def test_a_longer_timeout_changes_a_function_in_place() -> None:
    """And says at which line of the source."""
    effect = plan(("Timeout: 60", "Timeout: 61"))
    change = next(one for one in effect.changes if one.resource == "RotationFunction")
    lines = TEMPLATE.splitlines()

    assert ("change", ("Timeout",)) == (change.action, change.causes)
    assert "Timeout: 60" in lines[change.line - 1]


def test_iam_in_the_password_s_place_is_told() -> None:
    """The parameter, the secret that goes with its rotation and stays outside of the stack, and the new right."""
    settings = SETTINGS.replace('Authentication="password"', 'Authentication="iam"', 1)
    effect = plan(settings=settings)
    gone = {name for name, action in actions(effect).items() if action == "remove"}

    assert ["Authentication"] == [name for name, *_ in effect.parameters]
    assert {"DatabaseSecret", "DatabaseSecretRotation", "RotationPermission"} == gone
    assert ["DatabaseSecret (", "may do more: App"] == [text[:16] for text in effect.dangers]
    assert [True] == ["rds-db:connect" in str(one) for one in effect.widened]


def test_a_removed_secret_is_a_danger() -> None:
    """A resource that goes is named, and that it is kept outside of the stack."""
    text = without("DatabaseSecret", "DatabaseSecretRotation", "RotationPermission")
    effect = plan(text=text.replace("!Ref DatabaseSecret", "arn:aws:secretsmanager:::secret:x"))

    assert "remove" == actions(effect)["DatabaseSecret"]
    told = [one for one in effect.dangers if one.startswith("DatabaseSecret (AWS::SecretsManager::Secret)")]
    assert 1 == len(told)
    assert "kept outside of the stack" in told[0]


def test_a_route_that_opens_is_a_danger() -> None:
    """The route that writes, without authorisation."""
    effect = compare(routed("AWS_IAM"), routed("NONE"), {})

    assert ("POST /orders",) == effect.opened
    assert "open to everybody: POST /orders" in effect.dangers


def test_a_route_that_closes_is_told() -> None:
    """The other way round is no danger."""
    effect = compare(routed("NONE"), routed("AWS_IAM"), {})

    assert (("POST /orders",), ()) == (effect.closed, effect.opened)


def test_a_wider_right_is_a_danger() -> None:
    """Every action on a secret instead of one, for one role."""
    effect = plan(("Action: secretsmanager:GetSecretValue", "Action: secretsmanager:*"))

    assert effect.widened
    assert all(text.startswith("AppRole: secretsmanager:* on ") for text in effect.widened)
    assert any(danger.startswith("may do more: AppRole") for danger in effect.dangers)


def test_a_narrower_right_is_no_danger() -> None:
    """What is still covered by a wider right isn't gained, what is given up is told."""
    effect = plan(("Action: [logs:CreateLogStream, logs:PutLogEvents]", "Action: [logs:PutLogEvents]"))

    assert ((), 1) == (effect.widened, len(effect.narrowed))
    assert [] == effect.dangers


def test_a_dropped_condition_widens() -> None:
    """The same action on the same key, but from anywhere."""
    condition = 'Condition: { StringEquals: { kms:ViaService: !Sub "lambda.${AWS::Region}.amazonaws.com" } }'
    effect = plan((f"                {condition}\n", ""))

    assert 1 == len(effect.widened)
    assert "kms:Decrypt on" in effect.widened[0]
    assert " if " not in effect.widened[0]


def test_a_dropped_denial_widens() -> None:
    """A queue that took TLS only."""
    effect = plan(text=without("DeadLetterQueuePolicy"))

    assert any("sqs:*" in text and text.endswith("denied until now") for text in effect.widened)


def test_a_dropped_boundary_widens() -> None:
    """A role without its ceiling."""
    effect = plan(("      PermissionsBoundary: !Ref BoundaryArn\n", ""))

    assert any("without a permissions boundary" in text for text in effect.widened)


def test_a_changed_parameter_publishes_a_version() -> None:
    """The setting's two values are shown; the functions that read it change."""
    settings = SETTINGS.replace('LogLevel="INFO"', 'LogLevel="DEBUG"')
    effect = plan(settings=settings)

    assert (("LogLevel", "INFO", "DEBUG"),) == effect.parameters
    assert effect.releases
    assert "change" == actions(effect)["AppFunction"]


def test_a_value_that_moved_in_ssm_changes_what_reads_it() -> None:
    """The name stands, the value behind it is another: every function gets it."""
    effect = compare(stack(), stack(), stack().environment.parameters, frozenset({"DatabaseHost"}))

    assert {"AppFunction", "MigrateFunction", "RotationFunction", "DatabaseSecret"} <= set(actions(effect))


def test_a_first_deployment_adds_everything() -> None:
    """There is no stack yet."""
    effect = compare(None, stack(), {})

    assert {"add"} == set(actions(effect).values())
    assert set(stack().resources) == set(actions(effect))


def test_a_template_that_does_not_expand_is_an_error_with_its_place() -> None:
    """Not a plan that misses half of it."""
    with pytest.raises(ConfigurationError, match=r"template\.yaml does not expand for dev"):
        plan(
            ("AWS::Serverless::Api\n", "AWS::Serverless::Nothing\n"),
            ("Handler: app.aws.handler", "Handlr: app.aws.handler"),
        )


def test_a_template_that_does_not_parse_is_an_error_with_its_line() -> None:
    """File, line, and the command that says more."""
    with pytest.raises(ConfigurationError, match=r"template\.yaml:3: is not valid YAML"):
        stack("A: 1\nB: [\n")


def test_a_boundary_that_goes_is_a_danger_for_a_role_that_may_do_anything() -> None:
    """What no policy gives, no wide policy takes in."""
    wide = edited(
        (
            "Action: secretsmanager:GetSecretValue\n                  Resource: !Ref DatabaseSecret\n",
            'Action: "*"\n                  Resource: "*"\n',
        )
    )
    bare = edited(("      PermissionsBoundary: !Ref BoundaryArn\n", ""), text=wide)
    effect = compare(stack(wide), stack(bare), stack().environment.parameters)

    assert ("AppRole: whatever its policies say, without a permissions boundary",) == effect.widened
