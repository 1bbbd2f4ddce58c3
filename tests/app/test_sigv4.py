"""Signatures equal those of botocore, which is the reference."""

from datetime import UTC, datetime
from unittest import mock

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from app.sigv4 import Keys, signed_headers

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


@given(
    body=st.binary(max_size=200),
    region=st.sampled_from(["eu-west-1", "us-gov-west-1", "cn-north-1"]),
    token=st.none() | visible,
    secret_key=visible,
    target=visible,
)
def test_signature_equals_botocore_s(
    body: bytes, region: str, token: str | None, secret_key: str, target: str
) -> None:
    """For any body, region, key and token the Authorization header is the one that botocore makes."""
    host = f"secretsmanager.{region}.amazonaws.com"
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": target}
    request = AWSRequest(method="POST", url=f"https://{host}/", data=body, headers=headers)
    with mock.patch.object(auth, "get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        auth.SigV4Auth(Credentials("AKIDEXAMPLE", secret_key, token), "secretsmanager", region).add_auth(
            request
        )

    signed = signed_headers(
        host=host,
        headers=headers,
        body=body,
        service="secretsmanager",
        region=region,
        keys=Keys("AKIDEXAMPLE", secret_key, token),
        now=NOW,
    )

    assert request.headers["Authorization"] == signed["authorization"]
    assert request.headers["X-Amz-Date"] == signed["x-amz-date"]


def test_keys_do_not_show_in_a_repr() -> None:
    """A logged object gives no secret away."""
    shown = repr(Keys("AKIDEXAMPLE", "secret-key", "session-token"))

    assert "secret-key" not in shown
    assert "session-token" not in shown
