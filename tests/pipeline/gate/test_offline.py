"""The gate asks nobody: on a machine without a route or names, it judges what tempts its tools to fetch."""

import json
import shutil
import socket
import subprocess
from collections.abc import Callable

import pytest

from pipeline.base.run import CHECKOUT
from pipeline.gate.engines import own
from pipeline.gate.rules import load
from pipeline.source.project import Project

pytestmark = pytest.mark.outside

type Make = Callable[..., Project]

# Each resource stands for an address that a tool could want to look at: the Serverless Application Repository, a nested
# stack's template, a module, a third party's type, stored code and definitions, an include, a layer, an image.
TEMPTING = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Published:
    Type: AWS::Serverless::Application
    Properties:
      Location:
        ApplicationId: arn:aws:serverlessrepo:us-east-1:123456789012:applications/something
        SemanticVersion: 1.0.0
  ByAddress:
    Type: AWS::Serverless::Application
    Properties:
      Location: https://s3.eu-west-1.amazonaws.com/somewhere/template.yaml
  Nested:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://s3.eu-west-1.amazonaws.com/somewhere/template.yaml
  FromGit:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: git::https://example.com/repository.git//template.yaml
  Module:
    Type: Company::Storage::Bucket::MODULE
  ThirdParty:
    Type: Datadog::Monitors::Monitor
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: s3://somewhere/code.zip
      Layers: ["arn:aws:lambda:eu-west-1:123456789012:layer:something:1"]
      Environment:
        Variables:
          FEED: http://example.com/feed.json
      Policies:
        - SSMParameterReadPolicy: { ParameterName: x }
  Image:
    Type: AWS::Serverless::Function
    Properties:
      PackageType: Image
      ImageUri: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/something:1
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: live
      DefinitionUri: s3://somewhere/openapi.yaml
  Included:
    Type: AWS::Serverless::HttpApi
    Properties:
      DefinitionBody:
        Fn::Transform:
          Name: AWS::Include
          Parameters: { Location: "s3://somewhere/openapi.yaml" }
  Secret:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: "{{resolve:ssm:/somewhere/else:1}}"
"""
REFUSED = ["Published", "ByAddress", "Nested", "FromGit", "Module", "ThirdParty", "Included"]


def test_what_stands_elsewhere_is_told_without_asking(
    make_project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transform and the rules open no connection and look no name up, and each resource is told in its line."""

    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError(f"asked {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    project = make_project(**{"template.yaml": TEMPTING})
    rule = next(one for one in load(CHECKOUT / "policies") if one.id == "known_type")
    said = {one.resource for one in own.apply(rule, project)}

    assert [] == list(own.unreadable(project))
    assert set(REFUSED) == said


@pytest.mark.slow
@pytest.mark.proof
@pytest.mark.parametrize("stage", ["lint", "policy"])
def test_stage_judges_without_a_network(make_project: Make, stage: str) -> None:
    """In a namespace that has no route, no name server and no loopback, every tool gives its verdict."""
    alone = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("this machine lets nobody make a network namespace (unshare)")
    root = make_project(**{"template.yaml": TEMPTING}).root
    command = [*alone, str(CHECKOUT / "bin/pipeline"), stage, "--format", "json", "--no-cache"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=500, check=False)
    findings = json.loads(done.stdout)["findings"]
    said = {one["resource"] for one in findings if one["rule"] in ("known_type", "E3006")}

    assert 1 == done.returncode, done.stderr
    assert [] == [one for one in findings if one["rule"] in ("engine", "unreadable")]
    assert said >= (set(REFUSED) if stage == "policy" else set())
