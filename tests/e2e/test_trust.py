"""The matrix of `pipeline trust`, tried: each token is signed, and offered to the roles of both accounts."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.iam import matrix, subjects
from pipeline.source.application import watch
from pipeline.source.runs import runs
from sandbox.accounts import account, pair
from sandbox.github.event import Repository
from sandbox.oidc import ISSUER, Issuer
from sandbox.state import Sandbox
from tests import judged

pytestmark = [pytest.mark.e2e, pytest.mark.proof]
APPLICATION = account("dev").settings.application
HUB = Repository.of(APPLICATION.repository, APPLICATION.branch)
OWN = subjects.Repository(HUB.owner, HUB.name, str(HUB.owner_id), str(HUB.id))
ENVIRONMENTS = tuple(one.environment for one in pair())
REFUSED = {"AccessDenied", "InvalidIdentityToken", "ExpiredTokenException"}
type Offer = tuple[str, subjects.Token, str]  # who offers a token, which, and the role's ARN
type Offers = Iterator[tuple[str, subjects.Token, bool, str]]  # with whether it is meant to get in


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Both accounts, bootstrapped and empty."""
    with Sandbox(tmp_path_factory.mktemp("trust") / "box", github=False) as found:
        yield found


def claims(token: subjects.Token, **changed: Any) -> dict[str, Any]:
    """What GitHub would put into a token, with the times of one that is just made."""
    known = token.request("").context.items()
    now = int(time.time())
    times = {"iss": ISSUER, "iat": now, "nbf": now - 600, "exp": now + 300}
    return {name.partition(":")[2]: values[0] for name, values in known if ":" in name} | times | changed


def roles(environment: str) -> dict[str, subjects.Jobs]:
    """The roles of an environment that a workflow's job may become, and whose each is."""
    settings = account(environment).settings
    return {
        settings.deploy_role: subjects.Jobs(environment, subjects.DEPLOYING),
        settings.drift_role: subjects.Jobs(watch(environment), subjects.LOOKING),
    }


def opens(box: Sandbox, environment: str, token: str, role: str) -> bool:
    """Whether the role takes the token. Any other refusal than IAM's is an error."""
    try:
        box.aws.client("sts", environment).assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="test", WebIdentityToken=token
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in REFUSED:
            raise
        return False
    return True


def jobs() -> Offers:
    """Every token that a job can get, for each role."""
    project = judged.repository()
    asking = [one for one in runs(project) if one.asks]
    for role in matrix.roles(project):
        environment = role.stack.environment.name
        if environment not in ENVIRONMENTS:
            continue
        arn = next(one for one in roles(environment) if one.endswith(f"/{role.get('RoleName')}"))
        for run in asking:
            for token in subjects.tokens(run, OWN, HUB.branch):
                yield run.name, token, matrix.intended(project, run, token, role), arn


def strangers() -> Offers:
    """Every token that nobody should come in with."""
    for environment in ENVIRONMENTS:
        others = tuple(one for one in ENVIRONMENTS if one != environment)
        for arn, meant in roles(environment).items():
            for who, token in subjects.strangers(OWN, meant, others, HUB.branch):
                yield who, token, False, arn


def tried(box: Sandbox, offers: Offers) -> tuple[set[Offer], set[Offer]]:
    """What was meant to get in, and what got in."""
    meant, got = set(), set()
    of = {role: environment for environment in ENVIRONMENTS for role in roles(environment)}
    for who, token, intended, role in offers:
        offer = (who, token, role)
        if intended:
            meant.add(offer)
        if opens(box, of[role], box.github.issuer.sign(claims(token)), role):
            got.add(offer)
    return meant, got


@pytest.mark.parametrize(("offers", "least"), [(jobs, 20), (strangers, 0)])
def test_who_is_meant_to_gets_in_and_nobody_else(
    box: Sandbox, offers: Callable[[], Offers], least: int
) -> None:
    """Jobs of every workflow and event, in both forms of the subject; look-alikes, other environments, forks, and the
    right environment with a workflow that a tag or a branch brought along."""
    meant, got = tried(box, offers())

    assert len(meant) >= least
    assert sorted(meant, key=str) == sorted(got, key=str)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("ids", [False, True], ids=["names", "ids"])
def test_a_good_token_that_is_late_early_forged_or_of_another_issuer(
    box: Sandbox, environment: str, ids: bool, tmp_path: Path
) -> None:
    """As it is it opens the role; late, early, forged, or from another issuer it does not."""
    own = replace(OWN, ids=ids)
    workflow = subjects.stands(own, subjects.DEPLOYING, HUB.branch)
    token = subjects.Token(own, environment, HUB.branch_ref, job_workflow=workflow)
    now, sign = int(time.time()), box.github.issuer.sign
    role = account(environment).settings.deploy_role
    bad = [claims(token, exp=now - 1), claims(token, nbf=now + 3600)]
    bad.append(claims(token, iss="https://token.actions.example.com"))

    assert opens(box, environment, sign(claims(token)), role)
    assert not any(opens(box, environment, sign(one), role) for one in bad)
    assert not opens(box, environment, Issuer(tmp_path).sign(claims(token)), role)


def test_a_trust_policy_that_is_too_wide_is_found(box: Sandbox) -> None:
    """Sabotage: any environment of the repository may enter dev's role. Strangers get in, and are named."""
    iam, name = box.aws.client("iam", "dev"), account("dev").settings.application.deploy_role("dev")
    policy = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    conditions = policy["Statement"][0]["Condition"]
    [key] = [key for keys in conditions.values() for key in keys if key.endswith(":sub")]
    conditions["StringEquals"].pop(key)
    wide = {"StringLike": {key: [f"repo:{HUB.full_name}:*"]}}
    changed = {**policy, "Statement": [{**policy["Statement"][0], "Condition": {**conditions, **wide}}]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(changed))
    meant, got = tried(box, strangers())

    assert not meant
    assert ("a pull request", f"repo:{HUB.full_name}:pull_request") in {
        (who, one.subject) for who, one, _ in got
    }
