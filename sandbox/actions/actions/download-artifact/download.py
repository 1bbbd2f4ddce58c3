"""Unpacks artifacts of the run, after a look at their digests."""

import fnmatch
import hashlib
import os
import sys
import zipfile
from pathlib import Path


def main() -> int:
    """Fail where an artifact is missing or isn't what was uploaded."""
    store, target = Path(os.environ["SANDBOX_ARTIFACTS"]), Path(os.environ["FOLDER"]).absolute()
    name, pattern = os.environ["NAME"], os.environ["PATTERN"]
    every = sorted(store.glob("*.zip"))
    wanted = [path for path in every if fnmatch.fnmatchcase(path.stem, name or pattern or "*")]
    if name and not wanted:
        there = ", ".join(path.stem for path in every) or "none"
        print(
            f"::error::Unable to download artifact(s): Artifact not found for name: {name} (there are: {there})"
        )
        return 1
    for archive in wanted:
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != archive.with_suffix(".zip.sha256").read_text():
            level = {"warn": "warning", "info": "notice", "ignore": ""}.get(os.environ["MISMATCH"], "error")
            text = f"The digest of the artifact {archive.stem} is {found}, not that of the upload."
            print(f"::{level}::{text}" if level else text)
            if level == "error":
                return 1
        # One alone comes without a folder, also where a pattern found it: so since v5 (its issue 419).
        single = len(wanted) == 1 or os.environ["MERGE"] == "true"
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(target if single else target / archive.stem)
        print(f"Artifact {archive.stem}: SHA-256 {found}")
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as out:
        out.write(f"download-path={target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
