"""A small repository with a Flask application behind an API, in any form: what tests of routes judge."""

from pathlib import Path
from textwrap import dedent, indent

from pipeline.gate.fixtures import DESCRIBED
from pipeline.source.project import Project

TEMPLATE = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Environment:
    Type: String
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: live
      OpenApiVersion: 3.0.1
      Auth: { DefaultAuthorizer: AWS_IAM, InvokeRole: NONE }
  Web: # the application
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: build/app/
      Handler: app.web.handler
      Runtime: python3.13
      AutoPublishAlias: live
      Environment:
        Variables:
          STAGE: !Ref Environment
          TABLE: !GetAtt Table.Arn
EVENTS
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
"""
_SETTINGS = """version = 0.1
[dev.global.parameters]
stack_name = "shop-dev"
region = "eu-west-1"
[dev.deploy.parameters]
parameter_overrides = ["Environment=dev"]
[dev.pipeline.parameters]
account = "111111111111"
"""
HEAD = """
from flask import Blueprint, Flask
from flask.views import MethodView

application = Flask(__name__, static_folder=None)

def handler(event, context):
    return {"statusCode": 200}
"""


def event(method: str, path: str, auth: str = "", name: str = "") -> str:
    """An event of the function that makes a route."""
    given = f"\n    Auth: {{ Authorizer: {auth} }}" if auth else ""
    name = name or "".join(
        word.title() for word in (method + path).replace("{", "/").replace("}", "").split("/")
    )
    name = "".join(letter for letter in name if letter.isalnum())
    said = f"    RestApiId: !Ref Api\n    Path: {path}\n    Method: {method}{given}\n"
    return f"{name}:\n  Type: Api\n  Properties:\n{said}"


def template(*events: str) -> str:
    """The template with events of its function."""
    rows = f"Events:\n{indent(''.join(events), '  ')}" if events else ""
    return TEMPLATE.replace("EVENTS\n", indent(rows, "      "))


def project(
    folder: Path, code: str, text: str, *, security: str = "", described: str = DESCRIBED, **more: str
) -> Project:
    """The repository in a folder: `code` is app/web.py, behind what every such module has."""
    files = {
        "app/__init__.py": "",
        "app/web.py": code if "handler" in code else HEAD + dedent(code),
        "template.yaml": text,
        "samconfig.toml": _SETTINGS + described,
        "policies/settings.toml": security,
        **more,
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return Project.load(folder)
