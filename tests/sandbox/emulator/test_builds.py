"""A bundle for another machine: an arm64 one's or a Mac's laptop lends its own builds of the compiled packages."""

import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from pipeline.base.run import Completed, run
from sandbox.emulator import builds

pytestmark = pytest.mark.slow

PACKAGES = Path(sysconfig.get_path("platlib"))
NAMES = ("psycopg", "psycopg_binary", "psycopg_binary.libs", "markupsafe", "typing_extensions.py")
SAYS = "import markupsafe, psycopg; print(psycopg.pq.__impl__, markupsafe._escape_inner.__module__)"
ARM64, X86_64 = b"\xb7\x00", b"\x3e\x00"  # e_machine, little-endian: EM_AARCH64 and EM_X86_64 of elf.h


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A function's code as it is unpacked: packages and their metadata, for this machine."""
    folder = tmp_path / "code"
    folder.mkdir()
    for name in NAMES:
        copied = shutil.copytree if (PACKAGES / name).is_dir() else shutil.copy
        copied(PACKAGES / name, folder / name)
    for path in PACKAGES.glob("*.dist-info"):
        if path.name.partition("-")[0] in NAMES:
            (folder / path.name).mkdir()
            shutil.copy(path / "METADATA", folder / path.name)  # a bundle has no RECORD
    return folder


def another_machine(code: Path, head: bytes = b"") -> int:
    """Make every compiled file one of another processor, or one that begins with `head`; returns how many."""
    compiled = [path for path in code.rglob("*") if ".so" in path.suffixes]
    for path in compiled:
        content = bytearray(path.read_bytes())
        content[18:20] = ARM64 if content[18:20] == X86_64 else X86_64
        content[: len(head)] = head
        path.write_bytes(content)
    return len(compiled)


def imported(code: Path) -> Completed:
    """What a function would see that has only its code."""
    words = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(code)!r}); {SAYS}"]
    return run(words, check=False)


def test_what_this_machine_can_load_is_left_alone(code: Path) -> None:
    """Nothing is lent, and nothing is looked for."""
    assert [] == builds.lend(code, PACKAGES / "nowhere")
    assert not [path for path in code.iterdir() if path.is_symlink()]
    assert "binary markupsafe._speedups\n" == imported(code).stdout


@pytest.mark.parametrize("head", [b"", b"\xcf\xfa\xed\xfe"], ids=["another processor", "another system"])
def test_what_it_can_not_load_is_lent(code: Path, head: bytes) -> None:
    """Where nothing could be loaded before, this machine's own builds are."""
    assert another_machine(code, head) > 2
    before = imported(code)
    lacking = builds.lend(code, PACKAGES)

    assert "binary" not in before.stdout
    assert [] == lacking
    assert "binary markupsafe._speedups\n" == imported(code).stdout
    assert not (code / "psycopg").is_symlink()


def test_another_version_is_not_lent(code: Path) -> None:
    """It would be tried as what it isn't: the function fails, and the emulator's log says why."""
    another_machine(code)
    metadata = next(code.glob("psycopg_binary-*.dist-info"))
    metadata.rename(metadata.with_name("psycopg_binary-1.0.dist-info"))
    lacking = builds.lend(code, PACKAGES)

    assert ["psycopg_binary is for another machine"] == [one.partition(",")[0] for one in lacking]
    assert (code / "markupsafe").is_symlink()
    assert "binary" not in imported(code).stdout


def test_a_package_that_is_not_installed_is_told(code: Path, tmp_path: Path) -> None:
    """Each by its name; nothing in the code is changed."""
    another_machine(code)
    (tmp_path / "empty").mkdir()

    lacking = builds.lend(code, tmp_path / "empty")

    assert ["markupsafe is", "psycopg_binary is"] == [" ".join(one.split()[:2]) for one in lacking]
