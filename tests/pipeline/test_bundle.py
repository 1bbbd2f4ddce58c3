"""pipeline bundle: the same commit gives the same bytes, which run by themselves; other bytes are refused."""

import json
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.schema._res import BOM_JSON_STRICT

from pipeline.base.canonical import canonical
from pipeline.base.errors import ConfigurationError, GateError, ToolError
from pipeline.base.run import CHECKOUT, run
from pipeline.delivery import bundle
from pipeline.delivery.bundle import Bundle
from tests.pipeline.bundles import FILES, Repository, make

COMMIT = "c" * 40


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A commit of what this work tree holds, in a repository of its own."""
    folder = tmp_path_factory.mktemp("one") / "clone"
    return _copy(folder)


def _copy(folder: Path) -> Path:
    files = run(["git", "ls-files", "-z", "--cached"], cwd=CHECKOUT).stdout
    repository = Repository(folder)
    for name in sorted(files.rstrip("\0").split("\0"), reverse=folder.name == "other"):
        source, target = CHECKOUT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    repository.git("add", "--force", ".")
    # GIT_COMMITTER_DATE would leave this process's environment changed; the tree is what counts here.
    repository.git("commit", "--quiet", "-m", "all")
    return folder


@pytest.fixture(scope="module")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle.build(checkout, tmp_path_factory.mktemp("built") / "bundle")


@pytest.fixture
def other_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.e2e
@pytest.mark.usefixtures("other_umask")
def test_the_same_commit_gives_the_same_bytes(
    checkout: Path, built: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another folder, at another time, with another umask, time zone and hash seed, beside litter."""
    clone = tmp_path / "elsewhere" / "deeper"
    run(["git", "clone", "--quiet", checkout, clone])
    (clone / "app" / "__pycache__").mkdir(exist_ok=True)
    (clone / "app" / "__pycache__" / "litter.cpython-313.pyc").write_bytes(b"litter")
    (clone / "app" / "untracked.py").write_text("x = 1\n")
    os.utime(clone / "app" / "__init__.py", (1, 1))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("LC_ALL", "C")

    assert built.files == bundle.build(clone, tmp_path / "again").files


@pytest.mark.e2e
def test_one_changed_byte_gives_another_bundle(checkout: Path, built: Bundle, tmp_path: Path) -> None:
    """Only the archives that hold it differ; the bill of materials names the new commit."""
    clone = tmp_path / "clone"
    run(["git", "clone", "--quiet", checkout, clone])
    (clone / "app" / "__init__.py").write_text('"""Another application."""\n')
    Repository.git(_opened(clone), "commit", "--quiet", "--all", "-m", "one byte")
    other = bundle.build(clone, tmp_path / "bundle")

    assert built.digest != other.digest
    assert {"app.zip", "migrate.zip", "sbom.cdx.json"} == {
        name for name in built.files if built.files[name] != other.files[name]
    }


def _opened(folder: Path) -> Repository:
    repository = Repository.__new__(Repository)
    repository.folder = folder
    return repository


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("archive", "module"),
    [("app.zip", "app.aws"), ("migrate.zip", "app.migrate"), ("rotation.zip", "rotation.database")],
)
def test_an_archive_runs_by_itself(built: Bundle, tmp_path: Path, archive: str, module: str) -> None:
    """Nothing of this machine is on the path: a package that the lock's group lacks would be missing.

    Every module has its bytecode in the archive, since Lambda can't write any.
    """
    with zipfile.ZipFile(built.path(archive)) as opened:
        opened.extractall(tmp_path)
    code = (
        f"import os, sys; sys.path.append({str(tmp_path)!r}); import {module}\n"
        "files = [getattr(one, '__file__', None) or '' for one in list(sys.modules.values())]\n"
        "cached = [getattr(one, '__cached__', None) or '' for one in list(sys.modules.values())]\n"
        "own = [(f, c) for f, c in zip(files, cached) if f.startswith(sys.path[-1]) and f.endswith('.py')]\n"
        "print(len(own), [f for f, c in own if not os.path.exists(c)])"
    )
    settings = {
        "ENVIRONMENT": "dev",
        "COMMIT": COMMIT,
        "BUNDLE_DIGEST": "0" * 64,
        "RELEASE_DIGEST": "0" * 64,
        "DATABASE_HOST": "localhost",
        "DATABASE_PORT": "5432",
        "DATABASE_NAME": "ledger",
        "DATABASE_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:111111111111:secret:x",
        "DATABASE_TLS": "verify-full",
    }
    count, without = run([sys.executable, "-I", "-S", "-c", code], env=settings).stdout.split(maxsplit=1)

    assert int(count) > 10
    assert "[]" == without.strip()


@pytest.mark.e2e
@pytest.mark.parametrize("archive", ["migrate.zip", "rotation.zip"])
def test_what_knows_the_administrator_has_nothing_of_the_web(built: Bundle, archive: str) -> None:
    """A fault in a package that reads requests is not beside the database's master secret."""
    with zipfile.ZipFile(built.path(archive)) as opened:
        tops = {name.partition("/")[0] for name in opened.namelist()}

    assert "psycopg" in tops
    assert not tops & {
        "flask",
        "werkzeug",
        "jinja2",
        "markupsafe",
        "click",
        "itsdangerous",
        "blinker",
        "awsgi",
    }


@pytest.mark.e2e
def test_packages_are_held_to_the_locks_hashes(checkout: Path, tmp_path: Path) -> None:
    """Also where the wheel lies in the cache already: other bytes than the lock's are refused, both hashes named."""
    clone = tmp_path / "clone"
    run(["git", "clone", "--quiet", checkout, clone])
    lock = (clone / "uv.lock").read_text(encoding="utf-8")
    wheel = lock.index("sha256:", lock.index("wheels", lock.index('name = "aws-wsgi"'))) + len("sha256:")
    good = lock[wheel : wheel + 64]
    bad = f"{int(good[0], 16) ^ 1:x}{good[1:]}"
    (clone / "uv.lock").write_text(lock.replace(good, bad), encoding="utf-8")
    Repository.git(_opened(clone), "commit", "--quiet", "--all", "-m", "another hash")
    with pytest.raises(ToolError, match="Hash mismatch for `aws-wsgi") as refused:
        bundle.build(clone, tmp_path / "bundle")

    assert good in str(refused.value)
    assert bad in str(refused.value)


@pytest.mark.e2e
def test_the_archives_hold_no_launchers_and_no_dates(built: Bundle) -> None:
    """bin/ holds absolute paths; a date would differ from build to build."""
    with zipfile.ZipFile(built.path("app.zip")) as opened:
        entries = opened.infolist()
        magic = {opened.read(one)[4:8] for one in entries if one.filename.endswith(".pyc")}

    assert not [one.filename for one in entries if one.filename.startswith("bin/")]
    assert {(1980, 1, 1, 0, 0, 0)} == {one.date_time for one in entries}
    assert {0o100644 << 16} == {one.external_attr for one in entries}
    assert sorted(one.filename for one in entries) == [one.filename for one in entries]
    assert {b"\x01\0\0\0"} == magic  # PEP 552: hash-based, not checked


@pytest.mark.e2e
def test_the_bill_of_materials_is_cyclonedx(built: Bundle) -> None:
    """It is valid against CycloneDX's own schema, and names what the archives hold."""
    found = json.loads(built.path("sbom.cdx.json").read_text())
    schema = json.loads(Path(str(BOM_JSON_STRICT[SchemaVersion.V1_6])).read_text())
    own = {key: value for key, value in schema.items() if key != "$schema"}
    external: dict[str, Any] = {"spdx.schema.json": {}, "jsf-0.82.schema.json": {}}
    resolver = _registry(own, external)
    jsonschema.Draft7Validator(own, registry=resolver).validate(found)
    names = {component["name"] for component in found["components"]}

    assert {"flask", "aws-wsgi", "psycopg", "psycopg-binary"} <= names


def _registry(own: Any, external: dict[str, Any]) -> Any:
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT7

    base = own["$id"]
    made: Any = Registry().with_resource(base, Resource.from_contents(own, default_specification=DRAFT7))
    for name, content in external.items():
        uri = base.rsplit("/", 1)[0] + "/" + name
        made = made.with_resource(uri, Resource.from_contents(content, default_specification=DRAFT7))
    return made


def test_a_whole_bundle_is_loaded(tmp_path: Path) -> None:
    """With its commit and its digests."""
    made = make(tmp_path / "bundle", COMMIT)

    assert (COMMIT, set(FILES)) == (made.commit, set(made.files))


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_refused(tmp_path: Path, name: str) -> None:
    """Whichever it is, the message names it."""
    made = make(tmp_path / "bundle", COMMIT)
    made.path(name).write_bytes(made.path(name).read_bytes() + b" ")

    with pytest.raises(GateError, match=f"{name} of the bundle in .* was changed"):
        bundle.load(made.folder, made.digest)


def test_an_added_or_missing_file_is_refused(tmp_path: Path) -> None:
    """A bundle holds what its manifest lists, no more, no less."""
    made = make(tmp_path / "bundle", COMMIT)
    made.path("app.zip").rename(made.path("extra.zip"))

    with pytest.raises(GateError, match=r"does not hold what its manifest lists: app.zip, extra.zip"):
        bundle.load(made.folder)


def test_another_digest_is_refused(tmp_path: Path) -> None:
    """The bundle is whole, but not the one that was asked for."""
    made = make(tmp_path / "bundle", COMMIT)

    with pytest.raises(GateError, match=f"not that of the bundle {'0' * 64}: it hashes to {made.digest}"):
        bundle.load(made.folder, "0" * 64)


def manifest(**changes: Any) -> bytes:
    files = {name: {"sha256": "0" * 64, "size": 1} for name in FILES}
    return canonical({"schema": 1, "commit": COMMIT, "files": files, **changes})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        manifest()[:-1],
        manifest(schema=2),
        manifest(schema="1"),
        manifest(commit="main"),
        manifest(commit=7),
        manifest(files={}),
        manifest(files=[]),
        manifest(files={"../../etc/passwd": {"sha256": "0" * 64, "size": 1}}),
        manifest(files={name: {"sha256": 7, "size": 1} for name in FILES}),
        manifest(files=dict.fromkeys(FILES, "0" * 64)),
        b"[" * 100_000,
        b" " * (1 << 20) + manifest(),
    ],
)
def test_a_malformed_manifest_is_refused(tmp_path: Path, raw: bytes) -> None:
    """Truncated, oversized, nested too deep, of another schema, of wrong types: a reason, not a traceback."""
    with pytest.raises(GateError, match="manifest"):
        bundle.parse(raw, tmp_path)


def test_no_bundle_is_said(tmp_path: Path) -> None:
    """An empty folder."""
    with pytest.raises(ConfigurationError, match="There is no bundle in"):
        bundle.load(tmp_path)


@pytest.mark.parametrize(
    "names",
    [("app.zip",), ("app.zip", "mail-2.zip", "rotation.zip"), (), ("App.zip",), ("app.tar",), ("a/b.zip",)],
)
def test_a_bundle_has_an_archive_or_several(tmp_path: Path, names: tuple[str, ...]) -> None:
    """As many as the application has code; each a name that [application.code] can have."""
    files = {name: {"sha256": "0" * 64, "size": 1} for name in (*names, "template.yaml", "sbom.cdx.json")}
    raw = manifest(files=files)

    if "app.zip" in names:
        assert list(names) == bundle.parse(raw, tmp_path).archives
    else:
        with pytest.raises(GateError, match="other files than a bundle has"):
            bundle.parse(raw, tmp_path)


_PACKAGED = """\
# CodeUri: build/app/ in a comment
Globals: {Function: {CodeUri: build/app/}}
Shared: &shared
  CodeUri: './build/mail-2'   # kept
Resources:
  One: {Type: "AWS::Serverless::Function", Properties: {CodeUri: "build/app", Handler: x.y}}
  Two:
    Type: AWS::Serverless::Function
    Properties:
      <<: *shared
      Description: "CodeUri: build/app/ é"
  Three:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: s3://bucket/key, Handler: !Sub "${A}.b"}
"""


def test_each_folder_becomes_its_archive_and_nothing_else_changes() -> None:
    """In any form that YAML has for it, below Globals, behind an anchor; not in comments and texts."""
    expected = (
        _PACKAGED.replace("{CodeUri: build/app/}", "{CodeUri: app.zip}")
        .replace("'./build/mail-2'", "'mail-2.zip'")
        .replace('{CodeUri: "build/app"', '{CodeUri: "app.zip"')
    )

    assert expected == bundle._packaged(_PACKAGED)


def test_a_folder_over_several_lines_is_refused() -> None:
    """What stands there can't be replaced without a guess at the lines after it."""
    text = "Resources:\n  A:\n    Properties:\n      CodeUri: >-\n        build/app/\n      B: 1\n"

    with pytest.raises(ConfigurationError, match=r"template.yaml:4: CodeUri takes several lines"):
        bundle._packaged(text)


_FUNCTIONS = """
  One: {Type: "AWS::Serverless::Function", Properties: {CodeUri: build/app/%s}}
  Two: {Type: "AWS::Serverless::Function", Properties: {CodeUri: build/rotation/%s}}
  Another: {Type: "AWS::Serverless::Function", Properties: {CodeUri: elsewhere/, Architectures: [other]}}
  Plain: {Type: "AWS::Lambda::Function", Properties: {Code: {S3Bucket: a, S3Key: b}, Architectures: [other]}}
  Bucket: {Type: "AWS::S3::Bucket"}
"""


def platform(folder: Path) -> str:
    return bundle._platform(bundle._parsed(folder / "template.yaml"))


@pytest.mark.parametrize(
    ("shared", "one", "two", "expected"),
    [
        ("[arm64]", "", "", "aarch64-manylinux_2_28"),
        ("[x86_64]", "", "", "x86_64-manylinux_2_28"),
        ("", "", "", "x86_64-manylinux_2_28"),
        ("", "[arm64]", "[arm64]", "aarch64-manylinux_2_28"),
        ("[x86_64]", "[arm64]", "[arm64]", "aarch64-manylinux_2_28"),
        ("[arm64]", "[x86_64]", "", "One: ['x86_64'], Two: ['arm64']"),
        ("", "[arm64]", "", "One: ['arm64'], Two: ['x86_64']"),
        ("[arm64, x86_64]", "", "", "One: ['arm64', 'x86_64']"),
        ("[arm32]", "", "", "One: ['arm32']"),
        ("[!Ref Architecture]", "", "", "One: [{'Ref': 'Architecture'}]"),
        ("!If [A, [arm64], [x86_64]]", "[arm64]", "[mips]", "Two: ['mips']"),
        ("arm64", "", "", "aarch64-manylinux_2_28"),
    ],
)
def test_the_template_says_once_what_a_bundle_is_built_for(
    tmp_path: Path, shared: str, one: str, two: str, expected: str
) -> None:
    """By the globals, by each function, by default: one instruction set, or an error that lists them."""
    top = f"Globals: {{Function: {{Architectures: {shared}}}}}\n" if shared else ""
    own = tuple(f", Architectures: {given}" if given else "" for given in (one, two))
    (tmp_path / "template.yaml").write_text(f"{top}Resources:{_FUNCTIONS % own}")

    if "manylinux" in expected:
        assert expected == platform(tmp_path)
    else:
        with pytest.raises(ConfigurationError, match="don't share one instruction set") as caught:
            platform(tmp_path)
        assert expected in str(caught.value)
        assert "Architectures once" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "[]", "Resources: []", "Globals: 3", "Resources: {A: {Type: 1}}", "a: [", "\xff"]
)
def test_a_template_without_a_function_builds_no_bundle(tmp_path: Path, text: str) -> None:
    """Whatever it holds, it is no traceback."""
    (tmp_path / "template.yaml").write_bytes(text.encode("latin-1"))

    with pytest.raises(ConfigurationError, match=r"none has the code|does not parse"):
        platform(tmp_path)


def test_this_projects_instruction_set_is_said_in_one_place() -> None:
    """No table of samconfig.toml, and one line of the template."""
    said = [row for row in (CHECKOUT / "template.yaml").read_text().splitlines() if "Architectures:" in row]

    assert 1 == len(said)
    assert "rchitecture" not in (CHECKOUT / "samconfig.toml").read_text()


@pytest.mark.outside
def test_outside_of_a_repository(tmp_path: Path) -> None:
    """There is no commit to build."""
    with pytest.raises((ConfigurationError, ToolError), match="is not a git repository with a commit"):
        bundle.build(tmp_path, tmp_path / "bundle")
