"""The bytes of one commit, built once, addressed by the SHA-256 of their manifest.

The same commit gives the same bytes wherever and whenever it is built: sources come from git's objects and not
from the work tree, packages from uv.lock by hash, and archives hold sorted names, fixed dates and modes, and no
compression, whose bytes differ between versions of zlib.
"""

import datetime as dt
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pipeline.base.canonical import canonical
from pipeline.base.errors import ConfigurationError, GateError, ToolError
from pipeline.base.git import COMMIT, git, head
from pipeline.base.run import CHECKOUT, run, tool
from pipeline.base.surroundings import kept
from pipeline.delivery import sbom
from pipeline.source.template import read, within

SCHEMA = 1
MANIFEST = "manifest.json"
TEMPLATE = "template.yaml"
SBOM = "sbom.cdx.json"
# Each function's code: the archive, the folder of sources, the lock's group of packages beside them.
CODE = {"app.zip": ("app", "lambda"), "rotation.zip": ("rotation", "rotation")}
FILES = (*CODE, TEMPLATE, SBOM)
DIGEST = re.compile(r"[0-9a-f]{64}")
_PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
_DEFAULT = "x86_64"  # a function's that doesn't say
_MAX_MANIFEST = 1 << 20  # bytes
# What a function never reads: launchers with absolute paths, records of an installation, sources of compiled
# modules, type stubs.
_NEVER_RUN = (
    "bin/*",
    "*.dist-info/RECORD",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.pyi",
    "*.c",
    "*.h",
)


@dataclass(frozen=True)
class Bundle:
    """A bundle in a folder, its digests checked. `files` maps a name to the SHA-256 of its bytes, in hex."""

    folder: Path
    digest: str
    commit: str
    files: dict[str, str]

    def path(self, name: str) -> Path:
        """Where a file of the bundle is."""
        return self.folder / name


def build(repository: Path, output: Path, commit: str | None = None) -> Bundle:
    """Build the bundle of a commit of `repository` (HEAD) into the folder `output`, which is made anew."""
    commit = commit or head(repository)
    with tempfile.TemporaryDirectory(prefix="bundle-") as scratch:
        sources = Path(scratch) / "sources"
        _check_out(repository, commit, sources)
        platform = _platform(sources)
        made = Path(scratch) / "made"
        made.mkdir()
        code = {archive: Path(scratch) / "code" / folder for archive, (folder, _) in CODE.items()}
        for archive, (folder, group) in CODE.items():
            _fill(sources, folder, group, platform, code[archive])
            _archive(code[archive], made / archive)
        committed = dt.datetime.fromisoformat(git("show", "-s", "--format=%cI", commit, cwd=repository))
        (made / SBOM).write_bytes(sbom.write(commit, committed.astimezone(dt.UTC), code))
        (made / TEMPLATE).write_bytes(_packaged((sources / TEMPLATE).read_bytes()))
        _write_manifest(made, commit)
        shutil.rmtree(output, ignore_errors=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(made, output)
    return load(output)


def load(folder: Path, digest: str | None = None) -> Bundle:
    """The bundle in `folder`, every byte checked against its manifest, and the manifest against `digest`.

    Raises GateError when anything is missing, added or different.
    """
    try:
        raw = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"There is no bundle in {folder}.", "Run: pipeline bundle") from error
    bundle = parse(raw, folder, digest)
    present = {path.name for path in folder.iterdir()} - {MANIFEST}
    if present != set(bundle.files):
        odd = ", ".join(sorted(present ^ set(bundle.files)))
        raise GateError(f"The bundle in {folder} does not hold what its manifest lists: {odd}.")
    for name, expected in bundle.files.items():
        actual = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if actual != expected:
            raise GateError(
                f"{name} of the bundle in {folder} was changed: its SHA-256 is {actual}, not {expected}.",
                "Deploy only what `pipeline bundle` built.",
            )
    return bundle


def digest_of(folder: Path) -> str | None:
    """The digest that the bundle in `folder` claims; None when there is none. `load` checks it."""
    manifest = folder / MANIFEST
    return hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else None


def parse(raw: bytes, folder: Path, digest: str | None = None) -> Bundle:
    """The manifest in `raw`, read as hostile. Raises GateError."""
    actual = hashlib.sha256(raw).hexdigest()
    if digest is not None and actual != digest:
        raise GateError(
            f"The manifest in {folder} is not that of the bundle {digest}: it hashes to {actual}."
        )
    if len(raw) > _MAX_MANIFEST:
        raise GateError(f"The manifest in {folder} is larger than {_MAX_MANIFEST} bytes.")
    try:
        data = json.loads(raw)
        if data["schema"] != SCHEMA:
            raise GateError(f"The manifest in {folder} has schema {data['schema']!r}; this reads {SCHEMA}.")
        commit = str(data["commit"])
        files = {str(name): str(entry["sha256"]) for name, entry in data["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise GateError(f"The manifest in {folder} is malformed: {error!r}.") from error
    whole = set(files) == set(FILES) and all(DIGEST.fullmatch(digest) for digest in files.values())
    if not COMMIT.fullmatch(commit) or not whole:
        raise GateError(
            f"The manifest in {folder} names no commit, no digests, or other files than a bundle has."
        )
    return Bundle(folder, actual, commit, files)


def _check_out(repository: Path, commit: str, into: Path) -> None:
    """Write the commit's files into a folder, as git stores them."""
    done = subprocess.run(
        ["git", "archive", "--format=tar", commit],  # noqa: S607 - git is found on the path, as everywhere
        cwd=repository,
        env=kept(os.environ),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise ToolError(
            f"git could not read commit {commit}: {done.stderr.decode(errors='replace').strip()}."
        )
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(into, filter="data")


def _platform(sources: Path) -> str:
    """The platform that the packages are for: that of the template's functions of this code, which must be one.

    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html
    """
    template = read(sources / TEMPLATE)
    shared = within(template, "Globals", "Function")
    functions = {
        name: {**shared, **within(resource, "Properties")}
        for name, resource in within(template, "Resources").items()
        if isinstance(resource, dict) and resource.get("Type") == "AWS::Serverless::Function"
    }
    folders = [f"build/{folder}/" for folder, _ in CODE.values()]
    built = {
        name: function.get("Architectures") or [_DEFAULT]
        for name, function in functions.items()
        if function.get("CodeUri") in folders
    }
    names = {
        str(name) for listed in built.values() for name in (listed if isinstance(listed, list) else [listed])
    }
    if len(names) != 1 or not names <= set(_PLATFORMS):
        listed = ", ".join(f"{name}: {value}" for name, value in built.items()) or "none has the code"
        raise ConfigurationError(
            f"{TEMPLATE}: the functions don't share one instruction set ({listed}).",
            f"A bundle is built for one: write Architectures once, below Globals, as [{'] or ['.join(_PLATFORMS)}].",
        )
    return _PLATFORMS[names.pop()]


def _fill(sources: Path, folder: str, group: str, platform: str, code: Path) -> None:
    """Lay a function's packages and sources into `code`, with bytecode."""
    uv = tool("uv")
    # In this form each wheel has its address and its hash: what `make install` fetched is found again without
    # an index, and other bytes are refused.
    wanted = code.parent / f"pylock.{folder}.toml"
    wanted.parent.mkdir(parents=True, exist_ok=True)
    export = ["export", "--quiet", "--locked", "--only-group", group, "--format", "pylock.toml"]
    wanted.write_text(run([uv, *export], cwd=sources).stdout, encoding="utf-8")
    run(
        [
            *(uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"),
            *("--python", CHECKOUT / ".venv/bin/python", "--python-version", "3.13"),
            *("--python-platform", platform, "--target", code, "--requirements", wanted),
        ],
        cwd=sources,
    )
    for pattern in _NEVER_RUN:
        for path in code.rglob(pattern):
            path.unlink()
    (code / ".lock").unlink(missing_ok=True)
    if not (sources / folder).is_dir():
        raise ConfigurationError(f"The commit has no folder {folder}/, whose code a bundle holds.")
    shutil.copytree(sources / folder, code / folder)
    _compile(code)


def _compile(code: Path) -> None:
    """Write bytecode that Python trusts without looking at the sources: the folder is read-only on Lambda.

    In a fresh interpreter with a fixed hash seed, since the bytes of a .pyc depend on what was interned before.
    """
    run(
        [
            *(CHECKOUT / ".venv/bin/python", "-I", "-m", "compileall", "-q", "-j", "1", "-o", "0"),
            *("--invalidation-mode", "unchecked-hash", "-s", code, "-p", "/var/task", code),
        ],
        env={"PYTHONHASHSEED": "0"},
    )


def _archive(code: Path, archive: Path) -> None:
    names = sorted(path.relative_to(code).as_posix() for path in code.rglob("*") if path.is_file())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as out:
        for name in names:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            out.writestr(entry, (code / name).read_bytes())


def _packaged(template: bytes) -> bytes:
    """The template with each function's folder replaced by its archive."""
    text = template.decode()
    for archive, (folder, _) in CODE.items():
        source = f"CodeUri: build/{folder}/"
        if source not in text:
            raise ConfigurationError(f"{TEMPLATE}: no function has `{source}`.", "Keep it, or change CODE.")
        text = text.replace(source, f"CodeUri: {archive}")
    return text.encode()


def _write_manifest(folder: Path, commit: str) -> None:
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
        for path in sorted(folder.iterdir())
    }
    (folder / MANIFEST).write_bytes(canonical({"schema": SCHEMA, "commit": commit, "files": files}))
