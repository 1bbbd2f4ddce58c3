"""Databases and tables that are public, unprotected or without backup."""

import ipaddress
from collections.abc import Iterator
from typing import Any

from pipeline.source.project import Project
from pipeline.source.stacks import Resource, Stack, dig
from pipeline.source.violations import Violation, at


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for database in stack.of_type("AWS::RDS::DBInstance", "AWS::RDS::DBCluster"):
            yield from _database(database)
        for table in stack.of_type("AWS::DynamoDB::Table"):
            recovery = table.get(
                "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled", default=False
            )
            if str(recovery).lower() != "true":
                yield at(
                    table,
                    f"{table.id} has no backup",
                    "PointInTimeRecoverySpecification",
                    fact="PointInTimeRecoverySpecification",
                )
        yield from _open_groups(stack)


def _open_groups(stack: Stack) -> Iterator[Violation]:
    for group in stack.of_type("AWS::EC2::SecurityGroup"):
        for index, rule in enumerate(group.get("SecurityGroupIngress", default=[])):
            if _everybody(dig(rule, "CidrIp")) or _everybody(dig(rule, "CidrIpv6")):
                why = f"{group.id} lets everybody in"
                yield at(group, why, "SecurityGroupIngress", index, fact=_ports(rule))
    for rule in stack.of_type("AWS::EC2::SecurityGroupIngress"):
        for key in ("CidrIp", "CidrIpv6"):
            if _everybody(rule.get(key)):
                yield at(rule, f"{rule.id} lets everybody in", key, fact=f"{key} {_ports(rule.properties)}")


def _ports(rule: Any) -> str:
    """What a rule of a security group lets in, for a fact."""
    ports = "-".join(str(dig(rule, key)) for key in ("FromPort", "ToPort") if dig(rule, key) is not None)
    return f"everybody to {dig(rule, 'IpProtocol', default='')} {ports or 'every port'}"


def _everybody(addresses: Any) -> bool:
    """Whether a block of addresses is all there are, however it is written."""
    try:
        return ipaddress.ip_network(str(addresses), strict=False).prefixlen == 0
    except ValueError:
        return False


def _database(database: Resource) -> Iterator[Violation]:
    if str(database.get("PubliclyAccessible", default=False)).lower() == "true":
        yield at(
            database, f"{database.id} is on the internet", "PubliclyAccessible", fact="PubliclyAccessible"
        )
    if database.get("DBClusterIdentifier"):
        return  # an instance of a cluster: protection and backup are the cluster's
    if str(database.get("DeletionProtection", default=False)).lower() != "true":
        yield at(database, f"{database.id} can be deleted", "DeletionProtection", fact="DeletionProtection")
    days = str(database.get("BackupRetentionPeriod", default=1))
    if not days.isdigit() or int(days) < 7:
        yield at(
            database,
            f"backups of {database.id} are kept for {days} days",
            "BackupRetentionPeriod",
            fact="BackupRetentionPeriod",
        )
