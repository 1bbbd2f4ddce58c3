"""What the tests of the command share."""

from tests.pipeline.cloud import cloud

__all__ = ["cloud"]
