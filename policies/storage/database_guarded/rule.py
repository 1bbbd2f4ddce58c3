"""Databases and tables that are public, unprotected or without backup."""

from collections.abc import Iterator
from typing import Any

from pipeline.source.project import Project
from pipeline.source.stacks import Resource, dig
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
        for group in stack.of_type("AWS::EC2::SecurityGroup"):
            for index, rule in enumerate(group.get("SecurityGroupIngress", default=[])):
                if dig(rule, "CidrIp") == "0.0.0.0/0" or dig(rule, "CidrIpv6") == "::/0":
                    yield at(
                        group,
                        f"{group.id} lets everybody in",
                        "SecurityGroupIngress",
                        index,
                        fact=_ports(rule),
                    )

        for rule in stack.of_type("AWS::EC2::SecurityGroupIngress"):
            if rule.get("CidrIp") == "0.0.0.0/0" or rule.get("CidrIpv6") == "::/0":
                yield at(
                    rule,
                    f"{rule.id} lets everybody in",
                    "CidrIp" if rule.get("CidrIp") else "CidrIpv6",
                    fact=_ports(rule.properties),
                )


def _ports(rule: Any) -> str:
    """What a rule of a security group lets in, for a fact."""
    ports = "-".join(str(dig(rule, key)) for key in ("FromPort", "ToPort") if dig(rule, key) is not None)
    return f"everybody to {dig(rule, 'IpProtocol', default='')} {ports or 'every port'}"


def _database(database: Resource) -> Iterator[Violation]:
    if str(database.get("PubliclyAccessible", default=False)).lower() == "true":
        yield at(
            database, f"{database.id} is on the internet", "PubliclyAccessible", fact="PubliclyAccessible"
        )
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
