"""Looks whether findings are SARIF 2.1.0, and keeps a copy in the folder of the run's artifacts."""

import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path


def main() -> int:
    """Fail as the service does where the file is missing or isn't SARIF."""
    given = Path(os.environ["SARIF"])
    files = sorted(given.rglob("*.sarif")) if given.is_dir() else [given]
    if not files or not all(file.is_file() for file in files):
        print(f"::error::Path does not exist: {given}")
        return 1
    category = re.sub(r"[^\w.-]", "-", os.environ["CATEGORY"]) or "default"
    kept = Path(os.environ["SANDBOX_ARTIFACTS"]) / "sarif" / category
    kept.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    for file in files:
        why = fault(file)
        if why:
            print(f"::error file={file}::Invalid SARIF: {why}")
            return 1
        copy = kept / (file.relative_to(given) if given.is_dir() else file.name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
        digest.update(file.read_bytes())
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as out:
        out.write(f"sarif-id={digest.hexdigest()}\n")
    return 0


def fault(file: Path) -> str:
    """What keeps a file from being SARIF 2.1.0; empty if nothing does."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        return f"it is no JSON ({error})."
    if not isinstance(found, dict) or found.get("version") != "2.1.0":
        return "its version is not 2.1.0."
    runs = found.get("runs")
    if not isinstance(runs, list) or not all(isinstance(run, dict) and "tool" in run for run in runs):
        return "`runs` holds no runs with a tool."
    return ""


if __name__ == "__main__":
    sys.exit(main())
