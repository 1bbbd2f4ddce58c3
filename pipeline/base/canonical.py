"""JSON with one form only, so that a digest over it means the data."""

import json
from typing import Any


def canonical(data: Any) -> bytes:
    """Sorted keys, no blanks, UTF-8."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
