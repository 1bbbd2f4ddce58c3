"""Which types hold state, against what AWS documents and what CloudFormation's authors list."""

import json

import pytest

from pipeline.source import registry, stateful
from pipeline.source.stateful import holds_state

# CloudFormation user guide, "DeletionPolicy attribute": the types of which a snapshot can be taken.
SNAPSHOTS = (
    "AWS::DocDB::DBCluster",
    "AWS::EC2::Volume",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Neptune::DBCluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
)
# What nobody would miss, of those that a serverless application has.
STATELESS = (
    "AWS::ApiGateway::Deployment",
    "AWS::CloudWatch::Alarm",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::ECS::TaskDefinition",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Function",
    "AWS::Lambda::Version",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Topic",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::StepFunctions::StateMachine",
)


def test_every_type_that_cloudformation_lists_holds_state() -> None:
    """cfn-lint's list (rule I3011) and the types that can be snapshot, whole."""
    listed = json.loads(
        (registry.folder().parent / "AdditionalSpecs/StatefulResources.json").read_text(encoding="utf-8")
    )["ResourceTypes"]

    assert len(listed) > 20
    assert [] == [kind for kind in (*listed, *SNAPSHOTS) if not holds_state(kind)]


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::Cassandra::Table",
        "AWS::DSQL::Cluster",
        "AWS::ElastiCache::ServerlessCache",
        "AWS::KMS::ReplicaKey",
        "AWS::MemoryDB::Cluster",
        "AWS::NeptuneGraph::Graph",
        "AWS::RedshiftServerless::Namespace",
    ],
)
def test_the_registry_tells_of_types_that_no_list_has(kind: str) -> None:
    """By a property that guards what a type holds, or brings it back."""
    assert kind not in stateful._listed() | stateful._BESIDES.keys()
    assert holds_state(kind)


@pytest.mark.parametrize("kind", STATELESS)
def test_what_a_template_can_make_again_holds_none(kind: str) -> None:
    """Else each release would have to be waived."""
    assert not holds_state(kind)


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        ("Acme::Storage::Drawer", True),
        ("Acme::Storage::Drawer::MODULE", True),
        ("AWS::Serverless::Application", True),
        ("AWS::NotYet::Invented", True),
        ("Custom::Migration", False),
        ("AWS::CloudFormation::CustomResource", False),
        ("AWS::IoTManagedIntegrations::ManagedThing", False),  # not in us-east-1
    ],
)
def test_a_type_that_nobody_knows_is_taken_to_hold_state(kind: str, holds: bool) -> None:
    """But for custom resources, which a function of the stack makes; a type of any region is known."""
    assert holds == holds_state(kind)


def test_the_lists_by_hand_say_nothing_twice() -> None:
    """What list or schema tells by now leaves the list; each type is one of the registry's."""
    by_hand = {**stateful._BESIDES, **stateful._MADE_AGAIN}
    unknown = [kind for kind in by_hand if registry.properties(kind) is None]
    told = [
        kind
        for kind in stateful._BESIDES
        if kind in stateful._listed()
        or any(stateful._GUARDS.fullmatch(name) for name in registry.properties(kind) or ())
    ]
    needless = [
        kind
        for kind in stateful._MADE_AGAIN
        if not any(stateful._GUARDS.fullmatch(name) for name in registry.properties(kind) or ())
    ]

    assert ([], [], []) == (unknown, told, needless)
