"""An environment's account: what a first deployment needs there, and what it costs. Read only.

Every call is one that reads; what can't be read is a remark of its own, and the rest is looked at all the same.
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError, ProfileNotFound

from pipeline.base.errors import ConfigurationError, GateError, PipelineError
from pipeline.delivery import authorities, aws, bundle, concurrency
from pipeline.doctor import cost, rights
from pipeline.doctor.model import NOTE, OK, UNKNOWN, WRONG, Remark, limit
from pipeline.plan import sources
from pipeline.release import drift
from pipeline.source import samconfig
from pipeline.source.functions import functions
from pipeline.source.project import APPLICATION, Project
from pipeline.source.samconfig import Environment
from pipeline.source.stacks import Resource, Stack
from pipeline.source.values import known

_NONE = {"NoSuchEntity", "ResourceNotFoundException", "NotFoundException", "NoSuchLifecycleConfiguration"}
# What makes a service-linked role when it is first used, if whoever uses it may: the resource type, the service, the
# role. Source: of each service its guide's "Using service-linked roles".
_LINKED = (
    ("AWS::ApiGateway::Stage", "ops.apigateway.amazonaws.com", "AWSServiceRoleForAPIGateway"),
    ("AWS::ElastiCache::ReplicationGroup", "elasticache.amazonaws.com", "AWSServiceRoleForElastiCache"),
    ("AWS::ElastiCache::ServerlessCache", "elasticache.amazonaws.com", "AWSServiceRoleForElastiCache"),
    ("AWS::RDS::DBCluster", "rds.amazonaws.com", "AWSServiceRoleForRDS"),
    ("AWS::RDS::DBInstance", "rds.amazonaws.com", "AWSServiceRoleForRDS"),
    (
        "AWS::OpenSearchService::Domain",
        "opensearchservice.amazonaws.com",
        "AWSServiceRoleForAmazonOpenSearchService",
    ),
)
_SECRET = re.compile(r"arn:[^:]+:secretsmanager:[^:]+:(?P<account>\d{12}):secret:.+")
_KEY = re.compile(r"arn:[^:]+:kms:[^:]+:\d{12}:key/.+")
_UNVERIFIED = ("disable", "allow", "prefer", "require")  # PostgreSQL's settings that verify nobody


@dataclass(frozen=True)
class Account:
    """What is looked at: the environment, its stacks as the checkout has them, and a session with its account."""

    session: boto3.Session = field(repr=False)
    environment: Environment
    project: Project = field(repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    def client(self, service: str) -> Any:
        """The client for a service."""
        if service not in self._clients:
            # boto3's stubs would want each service's name apart.
            self._clients[service] = self.session.client(service, config=aws.CONFIG)  # type: ignore[call-overload]
        return self._clients[service]

    @cached_property
    def stack(self) -> Stack:
        """The application's stack in this environment. Raises ConfigurationError."""
        return _of(self.project.application, self.environment, APPLICATION)

    @cached_property
    def bootstrap(self) -> Stack:
        """The bootstrap's stack in this environment. Raises ConfigurationError."""
        return _of(self.project.bootstrap, self.environment, "bootstrap/template.yaml")

    @property
    def functions(self) -> Iterator[tuple[Resource, str]]:
        """The functions that the template names, each with its name in AWS."""
        for one in functions(self.stack):
            name = one.get("FunctionName")
            if isinstance(name, str) and known(name):
                yield one, name

    @cached_property
    def bootstrapped(self) -> bool:
        """Whether an administrator has deployed the application's bootstrap."""
        name = self.environment.application.bootstrap_stack
        try:
            self.client("cloudformation").describe_stacks(StackName=name)
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            return False
        return True

    @cached_property
    def values(self) -> Mapping[str, str | None]:
        """Of each parameter that names one of SSM: the value there, None where there is none."""
        named = {
            name: self.environment.parameters[name]
            for name, one in (self.stack.source.get("Parameters") or {}).items()
            if str(one.get("Type", "")).startswith("AWS::SSM::Parameter")
            and name in self.environment.parameters
        }
        found: dict[str, str] = {}
        names = sorted(set(named.values()))
        with aws.errors("reading parameters of SSM"):
            for start in range(0, len(names), 10):  # GetParameters takes ten
                answer = self.client("ssm").get_parameters(Names=names[start : start + 10])
                found |= {one["Name"]: one["Value"] for one in answer["Parameters"]}
        return {parameter: found.get(name) for parameter, name in named.items()}


def session(profile: str | None, environment: Environment) -> boto3.Session:
    """A session with the environment's region. Raises ConfigurationError where there is no such profile."""
    try:
        return boto3.Session(profile_name=profile, region_name=environment.region)
    except ProfileNotFound as error:
        raise ConfigurationError(f"{error}", "Name a profile of ~/.aws/config.") from error


def _of(stacks: tuple[Stack, ...], environment: Environment, file: str) -> Stack:
    found = next((one for one in stacks if one.environment.name == environment.name), None)
    if found is None:
        raise ConfigurationError(f"{file} can't be read for {environment.name}.", "Run: bin/pipeline lint")
    return found


def look(session: boto3.Session, name: str, root: Path) -> Iterator[Remark]:
    """All that is seen of an environment's account. Raises ConfigurationError where the credentials are of another."""
    environment = samconfig.read(root, name)
    aws.check_account(session, environment)
    account = Account(session, environment, Project.load(root))
    for what, one in _LOOKS.items():
        yield from _safe(what, one, account)


def _safe(what: str, one: "Look", account: Account) -> list[Remark]:
    found: list[Remark] = []
    try:
        with aws.errors(what):
            found += one(account)
    except PipelineError as error:
        found.append(Remark(_group(account), what, UNKNOWN, error.message, error.hint))
    return found


def _group(account: Account) -> str:
    return f"account of {account.environment.name}"


type Look = Callable[[Account], Iterator[Remark]]


def _bootstrap(account: Account) -> Iterator[Remark]:
    """What an administrator deployed, against the checkout's."""
    what = "bootstrap"
    resolve = "An administrator deploys bootstrap/template.yaml: bootstrap/README.md."
    found = list(drift.bootstrap(account.session, account.environment))
    for one in found:
        told = f"{one.what}: {one.actual} in the account, {one.expected} in bootstrap/template.yaml"
        yield Remark(_group(account), what, WRONG, told, resolve)
    if not found:
        yield Remark(_group(account), what, OK, "that of this checkout")


def _neighbours(account: Account) -> Iterator[Remark]:
    """Other applications of the account, by the stacks that an administrator deployed for them."""
    what, mine = "name", account.environment.application
    pages = account.client("cloudformation").get_paginator("list_stacks")
    stacks = [
        one["StackName"]
        for page in pages.paginate()
        for one in page["StackSummaries"]
        if not one["StackStatus"].startswith("DELETE_COMPLETE")
    ]
    others = {one.removesuffix("-bootstrap") for one in stacks if one.endswith("-bootstrap")} - {mine.name}
    clear = True
    for told in _meeting(account, sorted(others)):
        clear = False
        yield Remark(
            _group(account), what, WRONG, told, "Give one of them another name: bin/pipeline init --name"
        )
    if mine.bootstrap_stack in stacks:
        yield from _taken(account, what, clear=clear)
    elif clear:
        yield Remark(_group(account), what, OK, f"no stack is called {mine.bootstrap_stack} yet")


def _meeting(account: Account, others: list[str]) -> Iterator[str]:
    """The applications whose names meet this one's: NAME-ENVIRONMENT-* is what one may touch, whosever it is."""
    mine = account.environment.application
    reach = mine.prefix(account.environment.name)
    for other in others:
        if f"{other}-".startswith(f"{reach}-"):
            yield f"{reach}-* is what this application may touch, and takes in all of the application {other!r}"
        elif mine.name.startswith(f"{other}-"):
            theirs = f"{other}-{_bootstrapped(account, f'{other}-bootstrap').get('Environment', '')}"
            if f"{mine.name}-".startswith(f"{theirs}-"):
                yield f"{theirs}-* is what the application {other!r} may touch, and takes in all of this one"


def _bootstrapped(account: Account, stack: str) -> dict[str, str]:
    """What an administrator told a bootstrap."""
    (found,) = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])}


def _taken(account: Account, what: str, *, clear: bool) -> Iterator[Remark]:
    """Whether the bootstrap of this name is another repository's."""
    mine = account.environment.application
    given = _bootstrapped(account, mine.bootstrap_stack)
    theirs = f"{given.get('GitHubOwner', '?')}/{given.get('GitHubRepository', '?')}"
    if theirs != mine.repository:
        told = f"the name {mine.name!r} is taken: {mine.bootstrap_stack} lets {theirs} deploy, not {mine.repository}"
        resolve = "Take another name (bin/pipeline init --name), or deploy the bootstrap for this repository."
        yield Remark(_group(account), what, WRONG, told, resolve)
    elif clear:
        yield Remark(
            _group(account), what, OK, f"{mine.name}, of {theirs}; no other application's names meet it"
        )


def _parameters(account: Account) -> Iterator[Remark]:
    """The parameters of SSM that the template takes its values from."""
    missing = [name for name, value in account.values.items() if value is None]
    for name in missing:
        path = account.environment.parameters[name]
        told = f"SSM has no {path}, which {name} is read from"
        yield Remark(
            _group(account), "parameters of SSM", WRONG, told, "It comes with the bootstrap: deploy that."
        )
    if not missing:
        yield Remark(_group(account), "parameters of SSM", OK, f"all {len(account.values)} are there")


def _database(account: Account) -> Iterator[Remark]:
    """Whether the functions verify the database's server, and hold what signs for it."""
    what, given = "TLS to the database", account.values
    off = [name for name, value in given.items() if value in _UNVERIFIED]
    for name in off:
        told = f"{name} is {given[name]}: nobody knows whose server answers"
        yield Remark(_group(account), what, WRONG, told, "Deploy the bootstrap with DatabaseTls=verify-full.")
    if "verify-full" not in given.values():
        return
    of = account.environment
    with tempfile.TemporaryDirectory(prefix="doctor-") as scratch:
        made = bundle.build(of.repository, Path(scratch) / "bundle")
        text = made.path(bundle.TEMPLATE).read_text(encoding="utf-8")
        template = sources.bundled(of.name, text, made.files, of.parameters, of.repository)
        there = {name: value for name, value in given.items() if value is not None}
        try:
            authorities.check(made, template, there, account.environment.application.folders)
        except GateError as error:
            yield Remark(_group(account), what, WRONG, error.message, error.hint)
        else:
            yield Remark(
                _group(account), what, OK, "verified, by authorities that the code or its system holds"
            )


def _secrets(account: Account) -> Iterator[Remark]:
    """The secrets and keys that the parameters name: there, and whose key opens them."""
    for name, value in account.values.items():
        if value and _SECRET.fullmatch(value):
            yield from _secret(account, name, value)
        elif value and _KEY.fullmatch(value):
            yield from _key(account, f"key of {name}", value)


def _secret(account: Account, name: str, arn: str) -> Iterator[Remark]:
    what = f"secret of {name}"
    try:
        described = account.client("secretsmanager").describe_secret(SecretId=arn)
    except ClientError as error:
        if aws.code(error) not in _NONE:
            raise
        yield Remark(_group(account), what, WRONG, f"{arn} is not there", "Name the one that there is.")
        return
    if described.get("DeletedDate"):
        told = f"{arn} is to be deleted"
        yield Remark(
            _group(account), what, WRONG, told, "aws secretsmanager restore-secret, or name another."
        )
    elif not (key := described.get("KmsKeyId")) or key.endswith("alias/aws/secretsmanager"):
        yield Remark(_group(account), what, OK, "under AWS's own key for Secrets Manager")
    else:
        yield from _key(account, f"key of the secret of {name}", key)


def _key(account: Account, what: str, key: str) -> Iterator[Remark]:
    try:
        described = account.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    except ClientError as error:
        if aws.code(error) not in _NONE:
            raise
        yield Remark(_group(account), what, WRONG, f"{key} is not there", "Name the one that there is.")
        return
    if described.get("KeyState") != "Enabled":
        told = f"{key} is {described.get('KeyState')}"
        resolve = "Enable it, or cancel its deletion: nothing that it encrypts can be read until then."
        yield Remark(_group(account), what, WRONG, told, resolve)
    elif described.get("KeyManager") == "CUSTOMER" and what.startswith("key of the secret"):
        told = f"{key} is one of your own: its policy has to let the application's roles decrypt with it"
        resolve = "Let it allow kms:Decrypt through Secrets Manager (kms:ViaService): bootstrap/README.md."
        yield Remark(_group(account), what, NOTE, told, resolve)
    else:
        yield Remark(_group(account), what, OK, "enabled")


def _concurrency(account: Account) -> Iterator[Remark]:
    """What the functions reserve against what the account has left: without it a first deployment rolls back."""
    client = account.client("lambda")
    given = client.get_account_settings()["AccountLimit"]
    held = sum(_reserved(client, name) for _, name in account.functions)
    there = {**given, "UnreservedConcurrentExecutions": given["UnreservedConcurrentExecutions"] + held}
    yield limit(
        _group(account),
        "concurrency that is reserved",
        concurrency.wanted(account.stack),
        concurrency.left(there),
        "executions that are left",
        concurrency.hint(given),
    )


def _reserved(client: Any, name: str) -> int:
    try:
        return int(client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions", 0))
    except ClientError as error:
        if aws.code(error) not in _NONE:
            raise
        return 0


def _gateway(account: Account) -> Iterator[Remark]:
    """API Gateway's role for logs: one for the account and region, and without it a stage with logs fails."""
    what = "API Gateway's role for logs"
    if not any(account.stack.of_type("AWS::ApiGateway::Stage")):
        return
    arn = account.client("apigateway").get_account().get("cloudwatchRoleArn", "")
    resolve = "Deploy the bootstrap with SetApiGatewayAccount=true."
    if not arn:
        yield Remark(_group(account), what, WRONG, "the account names none", resolve)
    elif not _role(account, arn.rpartition("/")[2]):
        yield Remark(_group(account), what, WRONG, f"the account names {arn}, which is gone", resolve)
    else:
        yield Remark(_group(account), what, OK, arn)


def _linked(account: Account) -> Iterator[Remark]:
    """The service-linked roles of what the template makes."""
    types = {one.type for one in account.stack.resources.values()}
    for service, role in sorted({(service, role) for kind, service, role in _LINKED if kind in types}):
        what = f"service-linked role {role}"
        if _role(account, role):
            yield Remark(_group(account), what, OK, "there")
            continue
        allowed = not account.bootstrapped or rights.may(
            account.client("iam"),
            account.environment.execution_role,
            "iam:CreateServiceLinkedRole",
            f"arn:aws:iam::{account.environment.account}:role/aws-service-role/{service}/{role}",
            {"iam:AWSServiceName": service},
        )
        told = "not there yet: the service makes it, by the right of the execution role"
        wrong = "not there, and the execution role may not make it"
        resolve = f"aws iam create-service-linked-role --aws-service-name {service}"
        yield Remark(_group(account), what, *((NOTE, told) if allowed else (WRONG, wrong)), resolve)


def _role(account: Account, name: str) -> bool:
    try:
        account.client("iam").get_role(RoleName=name)
    except ClientError as error:
        if aws.code(error) not in _NONE:
            raise
        return False
    return True


def _rights(account: Account) -> Iterator[Remark]:
    """What AWS says that the two roles may, against what the checkout's bootstrap gives them."""
    if account.bootstrapped:
        yield from rights.look(_group(account), account.session, account.environment, account.bootstrap)


def _kept(account: Account) -> Iterator[Remark]:
    """Versions of functions, and objects that never expire."""
    client = account.client("lambda")
    settings = client.get_account_settings()
    used, most = settings["AccountUsage"]["TotalCodeSize"], settings["AccountLimit"]["TotalCodeSize"]
    versions = 0
    for _, name in account.functions:
        try:
            pages = client.get_paginator("list_versions_by_function")
            for page in pages.paginate(FunctionName=name):
                versions += sum(version["Version"] != "$LATEST" for version in page["Versions"])
        except ClientError as error:
            if aws.code(error) not in _NONE:
                raise
    resolve = "Delete old versions of functions by hand, those of releases that nobody goes back to."
    what = f"code that Lambda keeps, {versions} version{'' if versions == 1 else 's'} of this application among it"
    yield limit(_group(account), what, used, most, "bytes", resolve)
    yield from _objects(account)


def _objects(account: Account) -> Iterator[Remark]:
    for bucket in (account.environment.bucket, account.environment.evidence_bucket):
        what = f"objects in {bucket}"
        try:
            rules = account.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        except ClientError as error:
            if aws.code(error) not in (*_NONE, "NoSuchBucket"):
                raise
            if aws.code(error) == "NoSuchBucket":
                yield Remark(
                    _group(account), what, WRONG, "there is no such bucket", "It comes with the bootstrap."
                )
                continue
            rules = []
        if any(
            one.get("Expiration", {}).keys() & {"Days", "Date"} and one["Status"] == "Enabled"
            for one in rules
        ):
            yield Remark(_group(account), what, OK, "some expire")
            continue
        size = cost.latest(account.client("cloudwatch"), bucket, "BucketSizeBytes", "StandardStorage")
        count = cost.latest(account.client("cloudwatch"), bucket, "NumberOfObjects", "AllStorageTypes")
        told = "none expires: " + (
            "how many there are isn't known yet"
            if count is None
            else f"{count:,.0f} objects, {size or 0:,.0f} bytes"
        )
        resolve = "Bundles are kept for rollbacks, evidence for its lock. Delete by hand what neither needs any more."
        yield Remark(_group(account), what, NOTE, told, resolve)


def _cost(account: Account) -> Iterator[Remark]:
    yield from cost.look(
        _group(account), account.client("cloudwatch"), account.environment, account.stack, account.bootstrap
    )


# Every look, by what it is about: the order in which it is told.
_LOOKS: dict[str, Look] = {
    "looking for other applications": _neighbours,
    "comparing the bootstrap": _bootstrap,
    "reading parameters": _parameters,
    "looking at TLS to the database": _database,
    "looking at secrets and keys": _secrets,
    "asking for concurrency": _concurrency,
    "asking for API Gateway's account": _gateway,
    "looking for service-linked roles": _linked,
    "simulating the rights of the roles": _rights,
    "looking at what is kept": _kept,
    "adding up what it costs": _cost,
}
