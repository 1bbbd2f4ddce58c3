"""Run the peers' own tests against the adapter, from their source archives, and explain every difference.

    .venv/bin/python -m benchmarks.peers

Fetches three archives from PyPI by name, version and hash; keeps nothing. Exit status 1 if a test differs that is not
explained here, or if one that is explained no longer does.
"""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import junitparser
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
INDEX = "https://pypi.org/simple"


@dataclass(frozen=True)
class Archive:
    """A source archive on PyPI, and the module that stands for the peer in its tests ('' if there are none)."""

    name: str
    version: str
    digest: str
    shim: str = ""


ARCHIVES = (
    Archive(
        "apig-wsgi",
        "2.20.0",
        "9c6aea1e96688b5848efb409ae3c3afb4ed2b162cd71dab683b1466a7387b964",
        """
from app.wsgi import respond

_ExcInfoType = object


def make_lambda_handler(app, binary_support=None, non_binary_content_type_prefixes=None):
    return lambda event, context: respond(app, event, context)
""",
    ),
    # 3.1.0 came as a wheel only; this is the newest that has an archive.
    Archive("serverless-wsgi", "3.0.5", "c098e1bcfefa9c905a66dd8247f9cc8cb505dd7f791faad1a063ee819cdf057b"),
    Archive("aws-wsgi", "0.2.7", "eb0b00970e80d96b52c0806ceae2ff98ab96c90f67651765755c5236f9e6e50d"),
)

# docs/benchmarks.md says of each who is right, and why. Parametrized tests count once.
_V1, _V2 = "TestV1Events::", "TestV2Events::"
DIFFERENCES: dict[str, tuple[str, ...]] = {
    "base64 by content": (
        *(
            f"{version}test_get_binary_support_{kind}"
            for version in (_V1, _V2)
            for kind in (
                "default_text_content_types_encoded",
                "binary",
                "binary_default_text_with_gzip_content_encoding",
                "binary_custom_text_with_gzip_content_encoding",
            )
        ),
        f"{_V1}test_get_binary_support_no_content_type",
        f"{_V2}test_get_missing_content_type",
        f"{_V2}test_empty_and_uncloseable_content",
    ),
    "header names as the application wrote them": (
        *(
            f"{_V2}test_{name}"
            for name in ("get", "set_one_cookie", "set_two_cookies", "post", "post_binary_support")
        ),
        f"{_V2}test_get_binary_support_default_text_content_types",
        f"{_V2}test_get_binary_support_custom_text_content_types",
    ),
    "all values of a header": (f"{_V1}test_get_single_header",),
    "a status line for the load balancer": (
        f"{_V1}test_get_binary_support_alb_default",
        f"{_V1}test_get_binary_support_alb_enabled",
    ),
    "no twin of CONTENT_TYPE": (
        f"{_V1}test_special_headers",
        f"{_V1}test_special_content_type",
        f"{_V2}test_special_headers",
    ),
    "an address that the client claims": (f"{_V1}test_special_x_forwarded_for",),
    "keys of the peer's own": (
        f"{_V1}test_request_context",
        f"{_V1}test_full_event",
        f"{_V1}test_context",
    ),
    "SERVER_NAME is never empty": (f"{_V1}test_elb_health_check",),
    "cookies": (f"{_V2}test_two_cookies", f"{_V2}test_mixed_cookies"),
    "an HTTP API's path is decoded": (f"{_V2}test_path_unquoting",),
    "an answer instead of an exception": (f"{_V1}test_exc_info", "TestUnknownVersionEvents::test_errors"),
}


def fetch(archive: Archive, into: Path) -> Path:
    """Unpack an archive from PyPI, its bytes checked. Raises ValueError if they are others, or aren't there."""
    accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
    index = urllib.request.Request(f"{INDEX}/{archive.name}/", headers=accept)  # noqa: S310 - https, above
    with urllib.request.urlopen(index, timeout=60) as answer:  # noqa: S310 - as above
        files = json.load(answer)["files"]
    urls = [file["url"] for file in files if file["hashes"].get("sha256") == archive.digest]
    if not urls or not urls[0].startswith("https://"):
        raise ValueError(f"PyPI has no file of {archive.name} with the SHA-256 {archive.digest}")
    with urllib.request.urlopen(urls[0], timeout=60) as answer:  # noqa: S310 - as above
        return unpack(archive, answer.read(), into)


def unpack(archive: Archive, content: bytes, into: Path) -> Path:
    """Unpack an archive's bytes; ValueError if they are not those that its digest names."""
    actual = hashlib.sha256(content).hexdigest()
    if actual != archive.digest:
        raise ValueError(f"{archive.name} {archive.version} hashes to {actual}, not {archive.digest}")
    with tarfile.open(fileobj=BytesIO(content)) as packed:
        packed.extractall(into, filter="data")
    (folder,) = into.iterdir()
    return folder


def run(archive: Archive, folder: Path, scratch: Path) -> dict[str, bool]:
    """Run the archive's tests with the adapter in the peer's place: whether each passes, by class and name."""
    (scratch / f"{archive.name.replace('-', '_')}.py").write_text(archive.shim, encoding="utf-8")
    report = scratch / "junit.xml"
    command: list[str | Path] = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull),
        *("--rootdir", folder, "--junitxml", report, folder / "tests"),
    ]
    path = os.pathsep.join(map(str, (scratch, ROOT)))
    subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, check=False)
    passes: dict[str, bool] = {}
    for case in (case for suite in junitparser.JUnitXml.fromfile(str(report)) for case in suite):
        name = f"{case.classname.rpartition('.')[2]}::{case.name.partition('[')[0]}"
        passes[name] = passes.get(name, True) and case.is_passed
    return passes


def unexplained(passes: dict[str, bool]) -> list[str]:
    """What differs without being explained, and what is explained without differing."""
    explained = {test for tests in DIFFERENCES.values() for test in tests}
    failed = {test for test, passed in passes.items() if not passed}
    return [
        *(f"{test} differs, and nothing here says why" for test in sorted(failed - explained)),
        *(f"{test} passes: it differs no longer" for test in sorted(explained - failed)),
    ]


def main() -> int:
    """Fetch, run and compare; 1 if a difference is not explained."""
    console = Console(width=100)
    table = Table("peer", "version", "tests", "same", "different")
    broken: list[str] = []
    for archive in ARCHIVES:
        with tempfile.TemporaryDirectory(prefix="peers-") as scratch:
            sources, shims = Path(scratch, "sources"), Path(scratch, "shims")
            sources.mkdir()
            shims.mkdir()
            folder = fetch(archive, sources)
            if not archive.shim:
                tests = [path.name for path in folder.rglob("*test*.py")]
                broken += [f"{archive.name} has tests now: {', '.join(tests)}"] if tests else []
                table.add_row(archive.name, archive.version, "none in its archive", "", "")
                continue
            passes = run(archive, folder, shims)
            broken += unexplained(passes)
            same = sum(passes.values())
            table.add_row(archive.name, archive.version, *map(str, (len(passes), same, len(passes) - same)))
    console.print(table)
    for title, named in DIFFERENCES.items():
        console.print(f"{title}: {len(named)}", *named, sep="\n    ", highlight=False)
    for line in broken:
        console.print(f"FAILED {line}", style="bold red")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
