import hashlib
import zipfile
from pathlib import Path

import pytest

from tests.sandbox.actions.conftest import Act, Done

pytestmark = pytest.mark.outside

UPLOAD = {
    "NAME": "bundle",
    "PATHS": "build",
    "IF_NONE": "warn",
    "HIDDEN": "false",
    "OVERWRITE": "false",
    "LEVEL": "6",
}
DOWNLOAD = {"NAME": "", "PATTERN": "", "FOLDER": "got", "MERGE": "false", "MISMATCH": "error"}


def files(workspace: Path, *names: str) -> None:
    for name in names:
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text(name)


def upload(act: Act, **inputs: str) -> Done:
    return act("actions/upload-artifact/upload.py", **(UPLOAD | inputs))


def download(act: Act, **inputs: str) -> Done:
    return act("actions/download-artifact/download.py", **(DOWNLOAD | inputs))


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ("build", ["a.txt", "deep/b.json"]),
        ("build/", ["a.txt", "deep/b.json"]),
        ("build/a.txt", ["a.txt"]),
        ("build/**/*.json", ["deep/b.json"]),
        ("build/a.txt\nbuild/deep/b.json", ["a.txt", "deep/b.json"]),
        ("build\nother.txt", ["build/a.txt", "build/deep/b.json", "other.txt"]),
        ("build\n!build/deep", ["a.txt"]),
        ("build\n!build/**/*.json", ["a.txt"]),
    ],
)
def test_packs_what_the_paths_name(
    act: Act, workspace: Path, tmp_path: Path, paths: str, expected: list[str]
) -> None:
    """Names in the archive are relative to the one folder, or to the least common one of several paths."""
    files(workspace, "build/a.txt", "build/deep/b.json", "build/.hidden", "other.txt")
    done = upload(act, PATHS=paths)
    archive = tmp_path / "artifacts/bundle.zip"

    assert 0 == done.status, done.printed
    assert expected == sorted(zipfile.ZipFile(archive).namelist())
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == done.outputs["artifact-digest"]


def test_takes_hidden_files_only_when_asked(act: Act, workspace: Path, tmp_path: Path) -> None:
    """A file whose name begins with a dot isn't handed over by accident."""
    files(workspace, "build/.env")

    assert "::warning::No files were found" in upload(act).printed
    assert 0 == upload(act, HIDDEN="true").status
    assert [".env"] == zipfile.ZipFile(tmp_path / "artifacts/bundle.zip").namelist()


@pytest.mark.parametrize(("how", "status"), [("warn", 0), ("ignore", 0), ("error", 1)])
def test_an_empty_search_is_answered_as_asked(act: Act, how: str, status: int) -> None:
    """`if-no-files-found` decides whether nothing to upload is a failure."""
    assert status == upload(act, IF_NONE=how).status


def test_a_name_is_used_once(act: Act, workspace: Path) -> None:
    """A second artifact of the same name is refused, unless it may replace the first."""
    files(workspace, "build/a.txt")
    statuses = [upload(act).status, upload(act).status, upload(act, OVERWRITE="true").status]

    assert [0, 1, 0] == statuses


@pytest.mark.parametrize("name", ["", "a/b", "../a", 'a"b', "a:b"])
def test_a_name_that_is_a_path_is_refused(act: Act, workspace: Path, name: str) -> None:
    """An artifact's name can't lead out of its folder."""
    files(workspace, "build/a.txt")

    assert 1 == upload(act, NAME=name).status


def test_what_comes_out_is_what_went_in(act: Act, workspace: Path) -> None:
    """One artifact by name is unpacked into the folder itself, byte for byte."""
    files(workspace, "build/a.txt", "build/deep/b.json")
    upload(act)
    done = download(act, NAME="bundle")

    assert str(workspace / "got") == done.outputs["download-path"]
    assert ["build/a.txt", "build/deep/b.json"] == [
        (workspace / "got" / name).read_text() for name in ("a.txt", "deep/b.json")
    ]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({}, ["other/a.txt", "report-lint/a.txt", "report-test/a.txt"]),
        ({"PATTERN": "report-*"}, ["report-lint/a.txt", "report-test/a.txt"]),
        ({"PATTERN": "report-*", "MERGE": "true"}, ["a.txt"]),
    ],
)
def test_several_get_a_folder_each(
    act: Act, workspace: Path, inputs: dict[str, str], expected: list[str]
) -> None:
    """Without a name every artifact comes, or those that fit the pattern."""
    files(workspace, "build/a.txt")
    for name in ("report-lint", "report-test", "other"):
        upload(act, NAME=name)
    download(act, **inputs)

    assert expected == sorted(
        str(path.relative_to(workspace / "got")) for path in (workspace / "got").rglob("*.txt")
    )


def test_a_missing_artifact_is_named(act: Act, workspace: Path) -> None:
    """An artifact that nobody uploaded fails the step, which tells what there is."""
    files(workspace, "build/a.txt")
    upload(act)
    done = download(act, NAME="bundel")

    assert 1 == done.status
    assert "not found for name: bundel (there are: bundle)" in done.printed


@pytest.mark.parametrize(("mismatch", "status"), [("error", 1), ("warn", 0), ("ignore", 0)])
def test_a_changed_artifact_is_refused(
    act: Act, workspace: Path, tmp_path: Path, mismatch: str, status: int
) -> None:
    """A byte changed after the upload is found by the digest, and fails the step unless told otherwise."""
    files(workspace, "build/a.txt")
    upload(act)
    with zipfile.ZipFile(tmp_path / "artifacts/bundle.zip", "a") as archive:
        archive.writestr("more", "x")

    assert status == download(act, NAME="bundle", MISMATCH=mismatch).status
    assert (status == 0) == (workspace / "got").exists()


def test_one_alone_comes_without_a_folder(act: Act, workspace: Path) -> None:
    """Also where a pattern found it. Source: issue 419 of actions/download-artifact, on v5 and later."""
    files(workspace, "build/a.txt", "other/b.txt")
    upload(act, NAME="report-a", PATHS="build")
    upload(act, NAME="bundle", PATHS="other")
    download(act, PATTERN="report-*", FOLDER="one")
    download(act, PATTERN="*", FOLDER="both")

    assert (workspace / "one/a.txt").is_file()
    assert (workspace / "both/report-a/a.txt").is_file()
