"""JSON with one form only, so that a digest over it means the data."""

from typing import Any

import rfc8785


def canonical(data: Any) -> bytes:
    """By RFC 8785, the JSON Canonicalization Scheme. Raises ValueError for what has no such form."""
    return rfc8785.dumps(data)
