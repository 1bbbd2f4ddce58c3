"""Answers that the emulator had otherwise than AWS, each with AWS's reference beside its mend."""

import base64
import hashlib

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.emulator.cloud import Cloud, archive
from tests.waiting import until

pytestmark = pytest.mark.outside

CODE = "def handler(event, context): return 1"


def test_a_key_is_used_for_what_it_is_for(cloud: Cloud) -> None:
    """A data key signs nothing, and a signing key encrypts nothing."""
    kms = cloud.client("kms")
    signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    data = kms.create_key()["KeyMetadata"]

    with pytest.raises(ClientError, match="InvalidKeyUsageException"):
        kms.sign(KeyId=data["KeyId"], Message=b"1", SigningAlgorithm="ECDSA_SHA_256")
    with pytest.raises(ClientError, match="InvalidKeyUsageException"):
        kms.encrypt(KeyId=signing["KeyId"], Plaintext=b"1")
    assert ["111111111111"] * 2 == [one["AWSAccountId"] for one in (signing, data)]
    assert [False, True] == ["EncryptionAlgorithms" in one for one in (signing, data)]
    assert [True, False] == ["SigningAlgorithms" in one for one in (signing, data)]
    assert "ECC_NIST_P256" == kms.get_public_key(KeyId=signing["KeyId"])["CustomerMasterKeySpec"]


def test_an_object_is_told_of_with_its_checksum(cloud: Cloud) -> None:
    """As it was asked for; and a content type that nobody named is S3's."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="answers", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    put = s3.put_object(Bucket="answers", Key="x", Body=b"1", ChecksumAlgorithm="SHA256")
    expected = base64.b64encode(hashlib.sha256(b"1").digest()).decode()

    assert expected == put["ChecksumSHA256"]
    assert "binary/octet-stream" == s3.head_object(Bucket="answers", Key="x")["ContentType"]


def test_a_version_of_a_secret_never_changes(cloud: Cloud) -> None:
    """The same token with the same value is fine, with another it is refused; without a value there is no version."""
    client = cloud.client("secretsmanager")
    client.create_secret(Name="answers", SecretString="a")
    given = {"SecretId": "answers", "ClientRequestToken": "1" * 32, "VersionStages": ["AWSPENDING"]}
    client.put_secret_value(**given, SecretString="b")
    client.put_secret_value(**given, SecretString="b")

    with pytest.raises(ClientError, match="ResourceExistsException"):
        client.put_secret_value(**given, SecretString="c")
    assert "b" == client.get_secret_value(SecretId="answers", VersionId="1" * 32)["SecretString"]
    assert "VersionId" not in client.create_secret(Name="answers-empty")


def test_a_function_serves_while_it_is_updated(cloud: Cloud) -> None:
    """It is Active, and its update in progress; its newest code has a name, an alias a version, and a policy that
    nobody wrote isn't there."""
    client, name = cloud.client("lambda"), {"FunctionName": "answers"}
    cloud.function("answers", CODE, cloud.role("answers"))
    until(lambda: "Active" == client.get_function_configuration(**name)["State"], "the function")
    for updated in (
        client.update_function_code(**name, ZipFile=archive(CODE + " + 1")),
        client.update_function_configuration(**name, Timeout=11),
    ):
        assert ("Active", "InProgress") == (updated["State"], updated["LastUpdateStatus"])
    (newest,) = client.list_versions_by_function(**name)["Versions"]

    assert newest["FunctionArn"].endswith(":function:answers:$LATEST")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_policy(**name)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.create_alias(**name, Name="live", FunctionVersion="7")


def test_an_account_has_what_aws_gives(cloud: Cloud) -> None:
    """Whatever this machine can: what is left to reserve doesn't hang on its memory."""
    client, name = cloud.client("lambda"), {"FunctionName": "answers-reserving"}
    cloud.function("answers-reserving", CODE, cloud.role("answers-reserving"))
    before = client.get_account_settings()["AccountLimit"]
    client.put_function_concurrency(**name, ReservedConcurrentExecutions=50)
    after = client.get_account_settings()["AccountLimit"]

    assert [1000, 1000] == [one["ConcurrentExecutions"] for one in (before, after)]
    assert 50 == before["UnreservedConcurrentExecutions"] - after["UnreservedConcurrentExecutions"]


def test_a_key_is_judged_by_its_arn(cloud: Cloud) -> None:
    """A right on the key's ARN is enough to use it by its alias; without it there is none."""
    kms = cloud.client("kms")
    arn = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/answers", TargetKeyId=arn)
    right = {"Effect": "Allow", "Action": "kms:GetPublicKey", "Resource": arn}
    may, may_not = (
        cloud.become(cloud.role("answers-reader", right)),
        cloud.become(cloud.role("answers-other")),
    )

    assert arn == cloud.client("kms", may).get_public_key(KeyId="alias/answers")["KeyId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        cloud.client("kms", may_not).get_public_key(KeyId="alias/answers")
