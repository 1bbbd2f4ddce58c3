"""Lends a job what `make install` has installed on the laptop from the same files, so that it installs nothing again.

Linked is each environment whose stamp is the digest of the checkout's lock, as the Makefile writes it. uv is copied
where bin/install-uv.txt is the laptop's; a copy is newer than that file, so that make takes it for made.
"""

import hashlib
import os
import shutil
from pathlib import Path

LOCK = ("uv.lock", "pyproject.toml", "bin/install-uv.txt", ".python-version")
ENVIRONMENTS = (".venv", ".tools/policy", ".tools/sam", ".tools/sandbox")
UV, PINS = ".tools/uv/bin/uv", "bin/install-uv.txt"


def main() -> None:
    """Lend what is the same; the job installs the rest for itself."""
    laptop, checkout = Path(os.environ["SANDBOX_TOOLCHAIN"]), Path(os.environ["FOLDER"]).absolute()
    if not all((checkout / name).is_file() for name in LOCK):
        return  # another repository
    stamp = hashlib.sha256(b"".join((checkout / name).read_bytes() for name in LOCK)).hexdigest()
    for name in ENVIRONMENTS:
        written, target = laptop / name / ".lock", checkout / name
        if not target.exists() and written.is_file() and written.read_text().strip() == stamp:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(laptop / name)
            print(f"{name} is the laptop's, made from the same lock")
    same = (laptop / PINS).is_file() and (laptop / PINS).read_bytes() == (checkout / PINS).read_bytes()
    if same and (laptop / UV).is_file() and not (checkout / UV).exists():
        (checkout / UV).parent.mkdir(parents=True)
        shutil.copy(laptop / UV, checkout / UV)
        print("uv is the laptop's, of the same hashes")


main()
