"""Packs files into NAME.zip in the folder of the run's artifacts."""

import fnmatch
import glob
import hashlib
import itertools
import os
import re
import sys
import zipfile
import zlib
from pathlib import Path

_FORBIDDEN = re.compile(r'["\\/:<>|*?\r\n]')


def main() -> int:
    """Answer an empty search as `if-no-files-found` says."""
    name, folder = os.environ["NAME"], Path(os.environ["SANDBOX_ARTIFACTS"])
    if not name or _FORBIDDEN.search(name):
        print(f"::error::The artifact name is not valid: {name!r}.")
        return 1
    patterns = [line.strip() for line in os.environ["PATHS"].splitlines() if line.strip()]
    files = search(patterns, hidden=os.environ["HIDDEN"] == "true")
    if not files:
        level = {"warn": "warning", "error": "error"}.get(os.environ["IF_NONE"], "")
        text = f"No files were found with the provided path: {', '.join(patterns)}. No artifacts will be uploaded."
        print(f"::{level}::{text}" if level else text)
        return int(level == "error")
    archive = folder / f"{name}.zip"
    if archive.exists() and os.environ["OVERWRITE"] != "true":
        print(
            f"::error::Failed to CreateArtifact: an artifact with the name {name} already exists on this run."
        )
        return 1
    pack(files, root(files, patterns), archive, int(os.environ["LEVEL"]))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_suffix(".zip.sha256").write_text(digest)
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as out:
        out.write(f"artifact-id={zlib.crc32(digest.encode())}\nartifact-digest={digest}\n")
        out.write(f"artifact-url={archive.as_uri()}\n")
    print(f"Artifact {name}: {len(files)} files, {archive.stat().st_size} bytes, SHA-256 {digest}")
    return 0


def search(patterns: list[str], *, hidden: bool) -> list[Path]:
    """The files that the patterns name: `!` takes out what a pattern before it named."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        if pattern.startswith("!"):
            out = _absolute(pattern[1:])
            found = {
                file: None
                for file in found
                if not fnmatch.fnmatch(str(file), out) and not str(file).startswith(f"{out}/")
            }
            continue
        for match in sorted(glob.glob(_absolute(pattern), recursive=True, include_hidden=True)):  # noqa: PTH207 - Path.glob takes no absolute pattern
            path = Path(match)
            below = sorted(path.rglob("*")) if path.is_dir() else [path]
            found |= dict.fromkeys(file for file in below if file.is_file() and (hidden or not _hidden(file)))
    return list(found)


def root(files: list[Path], patterns: list[str]) -> Path:
    """What the names in the archive are relative to: where the one pattern starts, else the least common folder."""
    starts = [_start(_absolute(pattern)) for pattern in patterns if not pattern.startswith("!")]
    if len(starts) > 1:
        return Path(os.path.commonpath([path if path.is_dir() else path.parent for path in starts]))
    return starts[0].parent if files == starts else starts[0]


def _start(pattern: str) -> Path:
    """The part of a pattern before the first folder or file with a wildcard."""
    plain = itertools.takewhile(lambda part: not re.search(r"[*?\[]", part), Path(pattern).parts)
    return Path(*plain)


def pack(files: list[Path], base: Path, archive: Path, level: int) -> None:
    """Write the archive in one go, so that no other job sees half of it."""
    part = archive.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as out:
        for file in files:
            info = zipfile.ZipInfo(str(file.relative_to(base)))
            info.external_attr = 0o100644 << 16  # GitHub keeps no modes
            out.writestr(info, file.read_bytes(), zipfile.ZIP_DEFLATED, level)
    part.replace(archive)


def _absolute(pattern: str) -> str:
    return os.path.normpath(Path.cwd() / pattern)


def _hidden(file: Path) -> bool:
    here = Path.cwd()
    return file.is_relative_to(here) and any(part.startswith(".") for part in file.relative_to(here).parts)


if __name__ == "__main__":
    sys.exit(main())
