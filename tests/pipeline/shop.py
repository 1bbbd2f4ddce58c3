"""An application to plan changes of, with what a plan looks at: as it is, whatever a team's own template says."""

import re

from tests.pipeline.applications import TABLE

TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Environment: { Type: String }
  LogLevel: { Type: String }
  Authentication: { Type: String, AllowedValues: [password, iam] }
  DatabaseHost: { Type: AWS::SSM::Parameter::Value<String> }
  DataKeyArn: { Type: AWS::SSM::Parameter::Value<String> }
  BoundaryArn: { Type: String }
  ReleaseDigest: { Type: String }
Conditions:
  HasPassword: !Equals [!Ref Authentication, password]
  InProd: !Equals [!Ref Environment, prod]
Globals:
  Function:
    Runtime: python3.13
    Architectures: [x86_64]
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: live
      Auth: { DefaultAuthorizer: AWS_IAM }

  AppFunction:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub ${AWS::StackName}-app
      CodeUri: build/app/
      Handler: app.aws.handler
      AutoPublishAlias: live
      Role: !GetAtt AppRole.Arn
      Environment:
        Variables:
          LOG_LEVEL: !Ref LogLevel
          DATABASE_HOST: !Ref DatabaseHost
          DATABASE_SECRET_ARN: !If [HasPassword, !Ref DatabaseSecret, ""]
      Events:
        Orders:
          Type: Api
          Properties: { RestApiId: !Ref Api, Path: /orders, Method: POST }

  AppRole:
    Type: AWS::IAM::Role
    Properties:
      PermissionsBoundary: !Ref BoundaryArn
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: sts:AssumeRole }
      Policies:
        - PolicyName: use
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: [logs:CreateLogStream, logs:PutLogEvents]
                Resource: !Sub arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/shop:*
              - Effect: Allow
                Action: kms:Decrypt
                Resource: !Ref DataKeyArn
                Condition: { StringEquals: { kms:ViaService: !Sub "lambda.${AWS::Region}.amazonaws.com" } }
              - !If
                - HasPassword
                - Effect: Allow
                  Action: secretsmanager:GetSecretValue
                  Resource: !Ref DatabaseSecret
                - Effect: Allow
                  Action: rds-db:connect
                  Resource: !Sub arn:${AWS::Partition}:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:db-A/shop

  DeadLetterQueue:
    Type: AWS::SQS::Queue
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      QueueName: !Sub ${AWS::StackName}-dead-letters

  DeadLetterQueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref DeadLetterQueue]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Deny
            Principal: "*"
            Action: sqs:*
            Resource: !GetAtt DeadLetterQueue.Arn
            Condition: { Bool: { "aws:SecureTransport": "false" } }

  DeadLettersAlarm:
    Type: AWS::CloudWatch::Alarm
    Condition: InProd
    Properties:
      Namespace: AWS/SQS
      MetricName: ApproximateNumberOfMessagesVisible
      Dimensions: [{ Name: QueueName, Value: !GetAtt DeadLetterQueue.QueueName }]
      Statistic: Maximum
      Period: 300
      EvaluationPeriods: 1
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold

  MigrateFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: build/migrate/
      Handler: app.migrate.handler
      Timeout: 300
      DeadLetterQueue: { Type: SQS, TargetArn: !GetAtt DeadLetterQueue.Arn }
      Environment: { Variables: { DATABASE_HOST: !Ref DatabaseHost } }

  Migration:
    Type: Custom::Migration
    Properties:
      ServiceToken: !GetAtt MigrateFunction.Arn
      ServiceTimeout: 330
      ReleaseDigest: !Ref ReleaseDigest

  DatabaseSecret:
    Type: AWS::SecretsManager::Secret
    Condition: HasPassword
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      Name: !Sub ${AWS::StackName}-database
      GenerateSecretString:
        SecretStringTemplate: !Sub '{"host":"${DatabaseHost}","username":"shop"}'
        GenerateStringKey: password

  RotationFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: build/rotation/
      Handler: rotation.function.handler
      Timeout: 60
      DeadLetterQueue: { Type: SQS, TargetArn: !GetAtt DeadLetterQueue.Arn }
      Environment: { Variables: { DATABASE_HOST: !Ref DatabaseHost } }

  DatabaseSecretRotation:
    Type: AWS::SecretsManager::RotationSchedule
    Condition: HasPassword
    DependsOn: RotationPermission
    Properties:
      SecretId: !Ref DatabaseSecret
      RotationLambdaARN: !GetAtt RotationFunction.Arn
      RotationRules: { AutomaticallyAfterDays: 30 }

  RotationPermission:
    Type: AWS::Lambda::Permission
    Condition: HasPassword
    Properties:
      FunctionName: !Ref RotationFunction
      Action: lambda:InvokeFunction
      Principal: secretsmanager.amazonaws.com
"""

_TABLES = """
[{name}.global.parameters]
stack_name = "shop-{name}"
region = "eu-west-1"
[{name}.deploy.parameters]
parameter_overrides = [
    'Environment="{name}"',
    'LogLevel="INFO"',
    'Authentication="password"',
    'DatabaseHost="/shop/{name}/database/host"',
    'DataKeyArn="/shop/{name}/data-key-arn"',
    'BoundaryArn="arn:aws:iam::{account}:policy/shop-{name}-boundary"',
    'ReleaseDigest="unreleased"',
]
[{name}.pipeline.parameters]
account = "{account}"
"""
SETTINGS = f"version = 0.1\n{TABLE}" + "".join(
    _TABLES.format(name=name, account=account)
    for name, account in (("dev", "111111111111"), ("prod", "222222222222"), ("local", "000000000000"))
)
FILES = {"template.yaml": TEMPLATE, "samconfig.toml": SETTINGS}


def without(*names: str) -> str:
    """The template without some resources."""
    text = TEMPLATE
    for name in names:
        text, count = re.subn(rf"^  {name}:\n(?:(?:    .*)?\n)+", "", text, flags=re.MULTILINE)
        assert count == 1, name
    return text


def edited(*edits: tuple[str, str], text: str = TEMPLATE) -> str:
    """A text in which some texts, which must be there once, are others."""
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text
