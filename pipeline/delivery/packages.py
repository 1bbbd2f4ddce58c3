"""What CloudFormation takes from the bucket: objects of known bytes, each named by the version that was looked at.

A key is nobody's word for what lies there: whoever may write to the bucket may have put it there before, or may write
over it in the next moment. A version never changes.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import boto3

from pipeline.base.errors import GateError
from pipeline.delivery import aws, store
from pipeline.source.code import rewritten
from pipeline.source.samconfig import Environment


@dataclass(frozen=True)
class Location:
    """A version of an object."""

    bucket: str
    key: str
    version: str

    @property
    def data(self) -> dict[str, str]:
        """As a function's CodeUri has it.

        Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
        sam-property-function-functioncode.html
        """
        return {"Bucket": self.bucket, "Key": self.key, "Version": self.version}

    def url(self, session: boto3.Session) -> str:
        """Its address, as CloudFormation takes a template's.

        Source: "TemplateURL" with `?versionId=` in https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
        cloudformation-overview.html
        """
        endpoint = session.client("s3", config=aws.CONFIG).meta.endpoint_url
        return f"{endpoint}/{self.bucket}/{self.key}?versionId={self.version}"


def put(session: boto3.Session, environment: Environment, content: bytes, ending: str) -> Location:
    """Where these very bytes lie: the newest version at the key of their SHA-256 if it holds them, else a new one.

    The same bytes keep their version, so that a function whose code is as it was doesn't change. Raises GateError where
    the version holds other bytes, or the bucket has no versions.
    """
    key = f"{environment.prefix}/{hashlib.sha256(content).hexdigest()}.{ending}"
    found = store.version(session, environment.bucket, key)
    if found is None or found[0] != content:
        written = store.write(session, environment.bucket, key, content)
        found = store.version(session, environment.bucket, key, written)
    if found is None or found[0] != content:
        raise GateError(
            f"s3://{environment.bucket}/{key} does not hold what was put there a moment ago.",
            "Nothing was changed. Find out who writes to the bucket; only the deploy role should.",
        )
    if found[1] in ("", "null"):
        raise GateError(
            f"The bucket {environment.bucket} keeps no versions, so that no code in it has a name that is its own.",
            "bootstrap/template.yaml turns versions on; see bootstrap/README.md.",
        )
    return Location(environment.bucket, key, found[1])


def located(text: str, file: str, places: Mapping[str, Location]) -> str:
    """A bundle's template with the place of each archive of `places` where it names the archive."""
    return rewritten(text, file, lambda uri, _: json.dumps(places[uri].data) if uri in places else None)
