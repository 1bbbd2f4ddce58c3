"""Who one is, and what bounds it."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.oidc import ISSUER, Issuer
from tests.sandbox.emulator.cloud import Cloud

pytestmark = pytest.mark.e2e
_HOST = ISSUER.split("://")[1]
_SUBJECT = "repo:acme/ledger:environment:dev"
_PROVIDER = {
    "Type": "AWS::IAM::OIDCProvider",
    "Properties": {"Url": ISSUER, "ClientIdList": ["sts.amazonaws.com"]},
}


def _claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {
        "iss": ISSUER,
        "sub": _SUBJECT,
        "aud": "sts.amazonaws.com",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
    }
    return {**made, "ref": "refs/heads/main", **changed}


def _trusting(condition: dict[str, str]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::111111111111:oidc-provider/{_HOST}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{_HOST}:{key}": value for key, value in condition.items()}},
            }
        ],
    }


@pytest.fixture(scope="module")
def role(cloud: Cloud) -> str:
    """A role for one subject, in an account with GitHub's provider."""
    assert "CREATE_COMPLETE" == cloud.deploy("provider", {"Resources": {"Provider": _PROVIDER}})
    return cloud.role("by-subject", trust=_trusting({"sub": _SUBJECT, "aud": "sts.amazonaws.com"}))


def _assume(cloud: Cloud, role: str, token: str) -> str:
    answer = cloud.client("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="test", WebIdentityToken=token
    )
    return str(answer["AssumedRoleUser"]["Arn"])


def test_a_stack_makes_an_oidc_provider(cloud: Cloud, role: str) -> None:
    """The provider of a template is there for IAM's API too, with its audience."""
    del role

    found = cloud.client("iam").get_open_id_connect_provider(
        OpenIDConnectProviderArn=f"arn:aws:iam::111111111111:oidc-provider/{_HOST}"
    )

    assert ["sts.amazonaws.com"] == found["ClientIDList"]


def test_a_good_token_opens_its_role(cloud: Cloud, role: str) -> None:
    """The issuer's own token for the right subject gets in."""
    got = _assume(cloud, role, cloud.issuer.sign(_claims()))

    assert "arn:aws:sts::111111111111:assumed-role/by-subject/test" == got


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"sub": "repo:acme/ledger:environment:prod"}, "AccessDenied"),
        ({"sub": "repo:acme/Ledger:environment:dev"}, "AccessDenied"),
        ({"aud": "https://github.com/acme"}, "InvalidIdentityToken"),
        ({"iss": "https://token.actions.example.com"}, "InvalidIdentityToken"),
        ({"exp": int(time.time()) - 1}, "ExpiredTokenException"),
        ({"exp": None}, "ExpiredTokenException"),
        ({"iat": int(time.time()) + 3600}, "InvalidIdentityToken"),
        ({"nbf": int(time.time()) + 3600}, "InvalidIdentityToken"),
    ],
)
def test_another_token_opens_nothing(cloud: Cloud, role: str, changed: dict[str, Any], code: str) -> None:
    """Signed by the right key, but of another subject, audience, issuer or time."""
    with pytest.raises(ClientError) as caught:
        _assume(cloud, role, cloud.issuer.sign(_claims(**changed)))

    assert code == caught.value.response["Error"]["Code"]


def test_a_forged_token_opens_nothing(cloud: Cloud, role: str, tmp_path: Path) -> None:
    """The right claims signed by another key, altered after signing, or not signed at all."""
    head, body, signature = cloud.issuer.sign(_claims(sub="repo:evil/ledger:environment:dev")).split(".")
    altered = base64.urlsafe_b64encode(json.dumps(_claims()).encode()).decode().rstrip("=")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    forged = [
        Issuer(tmp_path).sign(_claims()),
        f"{head}.{altered}.{signature}",
        f"{unsigned}.{altered}.",
        "none",
        body,
    ]

    for token in forged:
        with pytest.raises(ClientError, match="InvalidIdentityToken"):
            _assume(cloud, role, token)


def test_no_provider_no_entry(cloud: Cloud, role: str) -> None:
    """A good token opens no role of an account that doesn't know the issuer."""
    trust = json.dumps(_trusting({"sub": _SUBJECT})).replace("111111111111", "222222222222")
    iam = cloud.aws.client("iam", "prod")
    arn = iam.create_role(RoleName="by-subject", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    assert role != arn

    with pytest.raises(ClientError, match="InvalidIdentityToken"):
        cloud.aws.client("sts", "prod").assume_role_with_web_identity(
            RoleArn=arn, RoleSessionName="test", WebIdentityToken=cloud.issuer.sign(_claims())
        )


def test_a_trust_policy_may_ask_for_the_ref(cloud: Cloud, role: str) -> None:
    """The claim `ref` is a second lock: the right one opens, another doesn't."""
    assert role
    arn = cloud.role("by-ref", trust=_trusting({"sub": _SUBJECT, "ref": "refs/heads/main"}))

    assert _assume(cloud, arn, cloud.issuer.sign(_claims()))
    with pytest.raises(ClientError, match="AccessDenied"):
        _assume(cloud, arn, cloud.issuer.sign(_claims(ref="refs/heads/other")))


def test_a_role_of_a_stack_is_bounded(cloud: Cloud) -> None:
    """A role with every right and a boundary has the boundary's rights alone, also after an update."""
    policies = [{"PolicyName": "all", "PolicyDocument": _allow("*")}]
    template = {
        "Resources": {
            "Boundary": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {
                    "ManagedPolicyName": "ceiling",
                    "PolicyDocument": _allow("s3:ListAllMyBuckets"),
                },
            },
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": "bounded",
                    "PermissionsBoundary": {"Ref": "Boundary"},
                    "AssumeRolePolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
                                "Action": "sts:AssumeRole",
                            }
                        ],
                    },
                    "Policies": policies,
                },
            },
        }
    }
    assert "CREATE_COMPLETE" == cloud.deploy("bounded", template)
    session = cloud.become("arn:aws:iam::111111111111:role/bounded")

    assert "Buckets" in cloud.client("s3", session).list_buckets()
    with pytest.raises(ClientError, match="AccessDenied"):
        cloud.client("secretsmanager", session).list_secrets()


def _allow(action: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}],
    }
