"""What AWS's SDK raises, in this command's words and exit codes."""

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
)

from pipeline import aws
from pipeline.errors import PipelineError
from tests.pipeline.cloud import refused


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (NoCredentialsError(), 2, "there are no AWS credentials"),
        (EndpointConnectionError(endpoint_url="https://x"), 2, "AWS can't be reached"),
        (refused("ExpiredToken"), 2, "the credentials have expired"),
        (refused("ExpiredTokenException"), 2, "the credentials have expired"),
        (refused("InvalidClientTokenId"), 2, "does not know these credentials"),
        (refused("AccessDenied"), 1, "refused"),
        (refused("AccessDeniedException"), 1, "refused"),
        (refused("ValidationError", "wrong"), 1, "ValidationError: wrong"),
        (BotoCoreError(), 2, "reading it: "),
    ],
)
def test_each_error_says_what_failed_and_ends_with_its_status(
    error: ClientError | BotoCoreError, status: int, message: str
) -> None:
    """2 where the machine is not set up, 1 where AWS judged and refused."""
    with pytest.raises(PipelineError, match=message) as caught, aws.errors("reading it"):
        raise error

    assert status == caught.value.exit_code
    assert caught.value.message.startswith("reading it: ")
