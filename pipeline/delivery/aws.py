"""Sessions with AWS, and AWS's errors in the words of this command."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)

from pipeline.base.errors import ConfigurationError, GateError, PipelineError
from pipeline.base.text import one_line
from pipeline.source import configuration, samconfig
from pipeline.source.samconfig import Environment

# Standard retries ride out throttling and single failures; beyond them the caller hears the error.
CONFIG = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=10, read_timeout=60)
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_INVALID = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"}


def session(environment: Environment, profile: str | None = None) -> boto3.Session:
    """A session in the environment's region, with the credentials of a profile or that this process was given.

    Every call on a bucket names the account that it must belong to: a bucket that somebody else made under its name,
    once it was deleted, is refused by S3.
    """
    made = boto3.Session(profile_name=profile, region_name=environment.region)
    made.events.register("before-parse", _require_whole)
    owners = _owners(environment)

    def name_owner(params: dict[str, Any], model: Any, **_: Any) -> None:
        if "Bucket" in params and "ExpectedBucketOwner" in model.input_shape.members:
            if params["Bucket"] not in owners:
                raise ConfigurationError(
                    f"{params['Bucket']} is the bucket of no environment of samconfig.toml, so whose it must be isn't"
                    " known."
                )
            params["ExpectedBucketOwner"] = owners[params["Bucket"]]

    made.events.register("provide-client-params.s3", name_owner)
    return made


def _owners(environment: Environment) -> dict[str, str]:
    """Whose each bucket is, of the environment and of all others of its samconfig.toml."""
    here = environment.repository
    others = samconfig.read_all(here).values() if (here / configuration.FILE).exists() else ()
    return {
        bucket: one.account for one in (*others, environment) for bucket in (one.bucket, one.evidence_bucket)
    }


def _require_whole(response_dict: Mapping[str, Any], operation_model: Any, **_: Any) -> None:
    """An answer that was cut on its way: the SDK takes half of a JSON document for an empty success."""
    headers, body = response_dict["headers"], response_dict["body"]
    expected = headers.get("content-length", "")
    if not isinstance(body, bytes) or not expected.isdigit() or operation_model.http.get("method") == "HEAD":
        return
    if len(body) < int(expected):
        raise IncompleteReadError(actual_bytes=len(body), expected_bytes=int(expected))


@contextmanager
def errors(doing: str) -> Iterator[None]:
    """Turn what AWS's SDK raises while `doing` (as in "reading the stack") into a PipelineError."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise ConfigurationError(
            f"{doing}: there are no AWS credentials.",
            "Log in, and say as whom: AWS_PROFILE=NAME. The deploy role is for the workflows' jobs alone.",
        ) from error
    except (EndpointConnectionError, SSLError) as error:
        raise ConfigurationError(
            f"{doing}: AWS can't be reached: {error}", "Check the network, the region and AWS_ENDPOINT_URL."
        ) from error
    except ClientError as error:
        raise _refused(doing, error) from error
    except BotoCoreError as error:
        raise ConfigurationError(f"{doing}: {error}") from error


def code(error: ClientError) -> str:
    """AWS's code of an error, such as AccessDenied."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _refused(doing: str, error: ClientError) -> PipelineError:
    detail = error.response.get("Error", {})
    said = one_line(f"{detail.get('Code', '?')}: {detail.get('Message', '')}")
    if code(error) in _EXPIRED:
        return ConfigurationError(
            f"{doing}: the credentials have expired.", "Log in again, or run the job again."
        )
    if code(error) in _INVALID:
        return ConfigurationError(f"{doing}: AWS does not know these credentials ({said}).", "Log in again.")
    if code(error) in _DENIED:
        return GateError(
            f"{doing}: refused ({said}).",
            "Whoever asked lacks this right, or has another environment's credentials. See bootstrap/README.md.",
        )
    return GateError(f"{doing}: {said}")


def whoami(aws: boto3.Session) -> tuple[str, str]:
    """The account and the ARN that the credentials belong to."""
    with errors("asking who the credentials belong to"):
        answer = aws.client("sts", config=CONFIG).get_caller_identity()
    return answer["Account"], answer["Arn"]


def check_account(aws: boto3.Session, environment: Environment) -> str:
    """Make sure the credentials are of the environment's account; returns the caller's ARN."""
    account, arn = whoami(aws)
    if account != environment.account:
        raise ConfigurationError(
            f"The credentials are of account {account} ({arn}); {environment.name} is account {environment.account}.",
            f"Name a profile of account {environment.account}: AWS_PROFILE=NAME. Jobs become\n"
            f"  {environment.deploy_role}, which nobody else can.",
        )
    return arn
