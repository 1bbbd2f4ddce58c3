"""The environments side by side."""

import dataclasses
from pathlib import Path

from pipeline.report.sides import HIDDEN, Row, compare, resources
from pipeline.source.environments import environments
from pipeline.source.located import parse
from pipeline.source.project import Project
from tests.pipeline.report.sample import FINDINGS, SETTINGS

BOTH = environments(parse(SETTINGS, "samconfig.toml"))


def rows() -> dict[str, Row]:
    return {row.name: row for row in compare(BOTH, ())}


def test_differences_are_told_apart() -> None:
    """Equal, equal but for name and account, and different; a value that one lacks is a difference."""
    found = {
        name: rows()[name].verdict for name in ("region", "s3_bucket", "Environment", "LogLevel", "Only")
    }
    expected = {
        "region": "same",
        "s3_bucket": "by name",
        "Environment": "by name",
        "LogLevel": "differs",
        "Only": "differs",
    }

    assert expected == found


def test_unset_is_not_empty() -> None:
    """A parameter without value and one that an environment lacks are two things."""
    assert ("", "") == rows()["CorsOrigins"].values
    assert ("dev", None) == rows()["Only"].values


def test_secrets_are_hidden() -> None:
    """A value under a name that promises a secret is not shown, in no environment."""
    assert (HIDDEN, HIDDEN) == rows()["ApiToken"].values


def test_values_that_a_finding_points_at_are_hidden() -> None:
    """What a rule of weight objects to on a line of samconfig.toml may be a secret that no name gives away."""
    line = BOTH[1].line("s3_bucket")
    finding = dataclasses.replace(FINDINGS[0], file="samconfig.toml", line=line)
    bucket = next(row for row in compare(BOTH, [finding]) if row.name == "s3_bucket")

    assert ("shop-dev-artifacts-111111111111", HIDDEN) == bucket.values


def test_resources_that_not_every_environment_has() -> None:
    """A resource whose condition holds in one environment alone is told, with its type."""
    template = b"""
Parameters:
  Environment:
    Type: String
Conditions:
  IsProd: !Equals [!Ref Environment, prod]
Resources:
  Topic:
    Type: AWS::SNS::Topic
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Condition: IsProd
"""
    project = Project(Path(), {"samconfig.toml": SETTINGS.encode(), "template.yaml": template})

    assert (Row("resource", "Alarm", (None, "AWS::CloudWatch::Alarm"), "differs"),) == resources(
        project.application
    )
