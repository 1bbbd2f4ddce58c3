"""The digests of the gate's own code, in the form that `sha256sum --check` reads."""

import hashlib
import re
from collections.abc import Mapping

FILE = "policies/gate.lock"
# The gate's code, settings and rules; not the waivers, which come and go, nor the examples, which rules_kept tries.
_CODE = re.compile(
    r"bin/pipeline|pipeline/((__main__|cli|run|model)\.py|gate/.+)|policies/(actions|controls|role_jobs)\.toml|policies/[^/]+/[^/]+/rule\.(py|toml|yaml)"
)
_ROW = re.compile(r"([0-9a-f]{64})  (.+)")


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 in hexadecimal of each file that decides what the gate finds, by path."""
    return {path: hashlib.sha256(files[path]).hexdigest() for path in sorted(files) if _CODE.fullmatch(path)}


def render(found: Mapping[str, str]) -> str:
    """The content of the lock file for these digests."""
    return "".join(f"{digest}  {path}\n" for path, digest in found.items())


def read(text: str) -> dict[str, tuple[str, int]]:
    """Of each path in a lock file: its digest, and the row's number from 1."""
    rows = ((_ROW.fullmatch(row), number) for number, row in enumerate(text.splitlines(), 1))
    return {row[2]: (row[1], number) for row, number in rows if row is not None}
