"""Databases and tables that are public, unprotected or without backup."""

from collections.abc import Iterator

from pipeline.gate.project import Project
from pipeline.gate.rules import Violation, at
from pipeline.gate.stacks import Resource, dig


def check(project: Project) -> Iterator[Violation]:
    for stack in project.stacks:
        for database in stack.of_type("AWS::RDS::DBInstance", "AWS::RDS::DBCluster"):
            yield from _database(database)
        for table in stack.of_type("AWS::DynamoDB::Table"):
            recovery = table.get(
                "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled", default=False
            )
            if str(recovery).lower() != "true":
                yield at(table, f"{table.id} has no backup", "PointInTimeRecoverySpecification")
        for group in stack.of_type("AWS::EC2::SecurityGroup"):
            for index, rule in enumerate(group.get("SecurityGroupIngress", default=[])):
                if dig(rule, "CidrIp") == "0.0.0.0/0" or dig(rule, "CidrIpv6") == "::/0":
                    yield at(group, f"{group.id} lets everybody in", "SecurityGroupIngress", index)

        for rule in stack.of_type("AWS::EC2::SecurityGroupIngress"):
            if rule.get("CidrIp") == "0.0.0.0/0" or rule.get("CidrIpv6") == "::/0":
                yield at(rule, f"{rule.id} lets everybody in", "CidrIp" if rule.get("CidrIp") else "CidrIpv6")


def _database(database: Resource) -> Iterator[Violation]:
    if str(database.get("PubliclyAccessible", default=False)).lower() == "true":
        yield at(database, f"{database.id} is on the internet", "PubliclyAccessible")
    if str(database.get("DeletionProtection", default=False)).lower() != "true":
        yield at(database, f"{database.id} can be deleted", "DeletionProtection")
    days = str(database.get("BackupRetentionPeriod", default=1))
    if not days.isdigit() or int(days) < 7:
        yield at(database, f"backups of {database.id} are kept for {days} days", "BackupRetentionPeriod")
