"""Which types of resources hold what can't be made again: data, or an identity that others know.

One answer for all who ask: the gate, the plan and a change set. Most of it is CloudFormation's own: the types that
cfn-lint lists as stateful (rule I3011), and those whose schema in the registry has a property that guards or restores
state. A type that nobody knows is taken to hold state.
"""

import json
import re
from functools import cache

from pipeline.source import registry

# Top-level properties that only a resource with state of its own has: it is backed up, restored from a backup, kept for
# a time, or guarded from deletion.
_GUARDS = re.compile(
    r"Deletion(Protection|ProtectionEnabled)|TerminationProtection(Enabled)?|PendingWindowInDays"
    r"|BackupRetention(Period|Policy)?|BackupPolicy|BackupId|PreferredBackupWindow|PointInTimeRecovery\w+"
    r"|(Automated|Final)Snapshot\w+|DB(Cluster)?SnapshotIdentifier|Snapshot(Arns|Id|Identifier|Name|RetentionLimit)"
    r"|Retention(InDays|Period|PeriodHours)"
)
# Neither list nor schema can tell: why.
_BESIDES = {
    "AWS::ACMPCA::CertificateAuthority": "its private key is nowhere else",
    "AWS::AmazonMQ::Broker": "messages",
    "AWS::Cassandra::Keyspace": "its tables go with it",
    "AWS::CodeArtifact::Repository": "packages",
    "AWS::CodeCommit::Repository": "commits",
    "AWS::Cognito::IdentityPool": "identities that users are known by",
    "AWS::DirectoryService::MicrosoftAD": "users",
    "AWS::DirectoryService::SimpleAD": "users",
    "AWS::EC2::EIP": "an address that others have entered elsewhere",
    "AWS::EC2::Instance": "its own disks",
    "AWS::ECR::Repository": "images",
    "AWS::Events::Archive": "events",
    "AWS::IAM::OIDCProvider": "other roles of the account trust it by its ARN",
    "AWS::MSK::Cluster": "messages",
    "AWS::Route53::HostedZone": "its name servers, which the domain's owner has entered elsewhere",
    "AWS::S3Express::DirectoryBucket": "objects",
    "AWS::S3Tables::Table": "rows",
    "AWS::S3Tables::TableBucket": "tables",
    "AWS::SSM::Parameter": "a value that may have been set since",
    "AWS::Timestream::Database": "tables",
    "AWS::Timestream::InfluxDBInstance": "rows",
    "AWS::Timestream::Table": "rows",
    "AWS::WorkSpaces::Workspace": "a user's disks",
}
# Guarded by a property, and made again all the same: why.
_MADE_AGAIN = {
    "AWS::AutoScaling::AutoScalingGroup": "its instances hold what a launch template says",
}
# Resources whose own resources stand in another template: what happens to those, nobody sees.
ELSEWHERE = frozenset(
    {
        "AWS::CloudFormation::Stack",
        "AWS::CloudFormation::StackSet",
        "AWS::ServiceCatalog::CloudFormationProvisionedProduct",
    }
)


@cache
def holds_state(kind: str) -> bool:
    """Whether losing a resource of the type may lose something for good.

    A custom resource is made by a function of the stack, which decides for itself.
    """
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource" or kind in _MADE_AGAIN:
        return False
    if kind in _BESIDES or kind in ELSEWHERE or kind in _listed():
        return True
    properties = registry.properties(kind)
    return properties is None or any(_GUARDS.fullmatch(name) for name in properties)


@cache
def _listed() -> frozenset[str]:
    """The types that cfn-lint's authors, who are CloudFormation's, list as stateful."""
    text = (registry.folder().parent / "AdditionalSpecs/StatefulResources.json").read_text(encoding="utf-8")
    return frozenset(json.loads(text)["ResourceTypes"])
