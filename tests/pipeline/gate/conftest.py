"""Small projects to judge."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.source.project import Project

SETTINGS = """\
version = 0.1
[dev.global.parameters]
stack_name = "esclusa-dev"
region = "eu-west-1"
[dev.deploy.parameters]
parameter_overrides = ["Environment=dev", "Size=small"]
[dev.pipeline.parameters]
account = "111111111111"
[prod.global.parameters]
stack_name = "esclusa-prod"
region = "eu-west-1"
[prod.deploy.parameters]
parameter_overrides = 'Environment="prod" Size=big'
[prod.pipeline.parameters]
account = "222222222222"
promote_from = "dev"
"""
TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Environment:
    Type: String
  Size:
    Type: String
Conditions:
  IsProd: !Equals [!Ref Environment, prod]
Globals:
  Function:
    Runtime: python3.13
    Timeout: 20
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: build/app/
      Handler: app.aws.handler
      MemorySize: !If [IsProd, 1024, 512]
      Policies:
        - Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Action: "*"
              Resource: "*"
      Events:
        Get:
          Type: Api
          Properties:
            Path: /
            Method: GET
  Extra:
    Type: AWS::SNS::Topic
    Condition: IsProd
    Properties:
      TopicName: !Sub esclusa-${Environment}-extra
"""


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Project]:
    """A project of the two small files above, with others added or put in their place."""

    def make(**changes: str) -> Project:
        files = {"template.yaml": TEMPLATE, "samconfig.toml": SETTINGS} | changes
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Project.load(tmp_path)

    return make
