"""Lends a job what `make install` has installed on the laptop from the same files, so that it installs nothing again.

Linked is each environment whose stamp is the digest of the checkout's lock, as the Makefile writes it, and PostgreSQL,
whose stamp is that of what names it and lays it out. uv is copied
where bin/install-uv.txt is the laptop's; a copy is newer than that file, so that make takes it for made.
"""

import hashlib
import os
import shutil
from pathlib import Path

LOCK = ("uv.lock", "pyproject.toml", "bin/install-uv.txt", ".python-version")
ENVIRONMENTS = (".venv", ".tools/policy", ".tools/sam", ".tools/sandbox")
POSTGRESQL = ("bin/npm.py", "bin/postgresql/package-lock.json", "bin/postgresql/unpack.py")
MADE_FROM = {**dict.fromkeys(ENVIRONMENTS, LOCK), ".tools/postgresql": POSTGRESQL}
UV, PINS = ".tools/uv/bin/uv", "bin/install-uv.txt"


def main() -> None:
    """Lend what is the same; the job installs the rest for itself."""
    laptop, checkout = Path(os.environ["SANDBOX_TOOLCHAIN"]), Path(os.environ["FOLDER"]).absolute()
    if not all((checkout / name).is_file() for name in LOCK):
        return  # another repository
    for name, files in MADE_FROM.items():
        written, target = laptop / name / ".lock", checkout / name
        if (
            not target.exists()
            and written.is_file()
            and written.read_text().strip() == _stamp(checkout, files)
        ):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(laptop / name)
            print(f"{name} is the laptop's, made from the same files")
    same = (laptop / PINS).is_file() and (laptop / PINS).read_bytes() == (checkout / PINS).read_bytes()
    if same and (laptop / UV).is_file() and not (checkout / UV).exists():
        (checkout / UV).parent.mkdir(parents=True)
        shutil.copy(laptop / UV, checkout / UV)
        print("uv is the laptop's, of the same hashes")


def _stamp(checkout: Path, files: tuple[str, ...]) -> str:
    """The digest of the files, as bin/digest.py has it; none where one is missing."""
    paths = [checkout / name for name in files]
    if not all(path.is_file() for path in paths):
        return ""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


main()
