"""The bytes of one commit, built once, addressed by the SHA-256 of their manifest.

The same commit gives the same bytes wherever and whenever it is built: sources come from git's objects and not
from the work tree, packages from uv.lock by hash, and archives hold sorted names, fixed dates and modes, and no
compression, whose bytes differ between versions of zlib.
"""

import datetime as dt
import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.canonical import canonical
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.base.git import COMMIT, git, head
from pipeline.base.run import CHECKOUT, run, tool
from pipeline.delivery import sbom
from pipeline.source import application, blobs
from pipeline.source.application import Code
from pipeline.source.code import Use, rewritten, uses
from pipeline.source.configuration import document
from pipeline.source.fitting import misfits
from pipeline.source.located import Document, DocumentError
from pipeline.source.located import read as located
from pipeline.source.packages import LOCK
from pipeline.source.template import within

SCHEMA = 1
MANIFEST = "manifest.json"
TEMPLATE = "template.yaml"
SBOM = "sbom.cdx.json"
_PYPROJECT = "pyproject.toml"
_ARCHIVE = re.compile(r"[a-z0-9-]+\.zip")  # of each [application.code.NAME] one: NAME.zip
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

    @property
    def archives(self) -> list[str]:
        """The files with the functions' code."""
        return sorted(filter(_ARCHIVE.fullmatch, self.files))

    def path(self, name: str) -> Path:
        """Where a file of the bundle is."""
        return self.folder / name


def build(repository: Path, output: Path, commit: str | None = None) -> Bundle:
    """Build the bundle of a commit of `repository` (HEAD) into the folder `output`, which is made anew."""
    commit = commit or head(repository)
    with tempfile.TemporaryDirectory(prefix="bundle-") as scratch:
        sources = Path(scratch) / "sources"
        tree = blobs.read(repository, commit)
        blobs.check(tree, [])
        blobs.write(tree, sources)
        template, described = _read(sources)
        blobs.check(tree, [folder for one in described.values() for folder in one.folders])
        platform = _platform(template)
        made = Path(scratch) / "made"
        made.mkdir()
        code = {one.archive: Path(scratch) / "code" / one.name for one in described.values()}
        for one in described.values():
            _fill(sources, one, platform, code[one.archive])
            _archive(code[one.archive], made / one.archive)
        committed = dt.datetime.fromisoformat(git("show", "-s", "--format=%cI", commit, cwd=repository))
        (made / SBOM).write_bytes(sbom.write(commit, committed.astimezone(dt.UTC), code))
        (made / TEMPLATE).write_text(_packaged(template.text), encoding="utf-8", newline="")
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
    code = files.keys() - {TEMPLATE, SBOM}
    whole = {TEMPLATE, SBOM} <= files.keys() and code and all(map(_ARCHIVE.fullmatch, code))
    whole = whole and all(map(DIGEST.fullmatch, files.values()))
    if not COMMIT.fullmatch(commit) or not whole:
        raise GateError(
            f"The manifest in {folder} names no commit, no digests, or other files than a bundle has."
        )
    return Bundle(folder, actual, commit, files)


def _read(sources: Path) -> tuple[Document, Mapping[str, Code]]:
    """The commit's template, and the code that its functions run. Raises ConfigurationError where they don't fit."""
    described, settings, template = application.read(sources), document(sources), _parsed(sources / TEMPLATE)
    lock = sources / LOCK
    wrong = misfits(
        described,
        settings,
        template,
        _parsed(sources / _PYPROJECT) if (sources / _PYPROJECT).is_file() else None,
        lock.read_text(encoding="utf-8") if lock.is_file() else "",
        {path.relative_to(sources).as_posix() for path in sources.rglob("*") if path.is_file()},
    )
    for first in wrong:
        raise ConfigurationError(f"{first.file}:{first.line}: {first.message}.", first.hint)
    return template, described.code


def _parsed(path: Path) -> Document:
    try:
        return located(path, path.name)
    except DocumentError as error:
        raise ConfigurationError(
            f"{path.name}:{error.line}: {path.name} does not parse: {error.message}", "Run: pipeline lint"
        ) from error


def _platform(template: Document) -> str:
    """The platform that the packages are for: that of the template's functions of this code, which must be one.

    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html
    """
    shared = within(template.data, "Globals", "Function")
    built = {
        use.function: {**shared, **within(template.data, "Resources", use.function, "Properties")}.get(
            "Architectures"
        )
        or [_DEFAULT]
        for use in uses(template.data)
        if use.name
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


def _fill(sources: Path, one: Code, platform: str, code: Path) -> None:
    """Lay the packages and sources of `one` into the folder `code`, with bytecode."""
    uv = tool("uv")
    # In this form each wheel has its address and its hash: what `make install` fetched is found again without
    # an index, and other bytes are refused.
    wanted = code.parent / f"pylock.{one.name}.toml"
    wanted.parent.mkdir(parents=True, exist_ok=True)
    python = CHECKOUT / ".venv/bin/python"  # never one that is looked for, and fetched where PATH has none
    export = ["export", "--quiet", "--locked", "--only-group", one.group, "--format", "pylock.toml"]
    wanted.write_text(run([uv, *export, "--python", python], cwd=sources).stdout, encoding="utf-8")
    run(
        [
            *(uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"),
            *("--python", python, "--python-version", "3.13"),
            *("--python-platform", platform, "--target", code, "--requirements", wanted),
        ],
        cwd=sources,
    )
    for pattern in _NEVER_RUN:
        for path in code.rglob(pattern):
            path.unlink()
    (code / ".lock").unlink(missing_ok=True)
    for folder in one.folders:
        if (code / folder).exists():
            raise ConfigurationError(
                f"A package of the group {one.group} has files in {folder}/, where the code {one.name} has its own.",
                "Call the folder otherwise: the one would hide the other.",
            )
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


def _packaged(text: str) -> str:
    """The template with each function's folder replaced by its archive; nothing else of it changes."""

    def archive(uri: str, quote: str) -> str | None:
        name = Use("", uri, ()).name
        return f"{quote}{name}.zip{quote}" if name else None

    return rewritten(text, TEMPLATE, archive)


def _write_manifest(folder: Path, commit: str) -> None:
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
        for path in sorted(folder.iterdir())
    }
    (folder / MANIFEST).write_bytes(canonical({"schema": SCHEMA, "commit": commit, "files": files}))
