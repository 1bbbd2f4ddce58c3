"""This machine's builds of compiled packages, where a bundle is for another machine."""

import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

_ELF = b"\x7fELF"


def lend(code: Path, packages: Path) -> list[str]:
    """Put links to this machine's packages in the place of those in `code` that it can't load; returns what lacks.

    `packages` is a folder with installed ones. A package is lent in the very version that `code` has, and whole.
    """
    compiled = (path for path in code.rglob("*") if ".so" in path.suffixes and path.is_file())
    # auditwheel lays the libraries of a package beside it; other systems have them elsewhere.
    foreign = {path.relative_to(code).parts[0].removesuffix(".libs") for path in compiled if _foreign(path)}
    lacking = []
    for name in sorted(foreign):
        tops = next((tops for tops in _installed(packages) if name in tops), set())
        if not any(top.endswith(".dist-info") and (code / top).is_dir() for top in tops):
            lacking.append(f"{name} is for another machine, and {packages} doesn't have it in this version")
            continue
        for top in {name, f"{name}.libs"} & tops:
            if (code / top).is_dir():
                shutil.rmtree(code / top)
            (code / top).symlink_to(packages / top)
    return lacking


def _foreign(path: Path) -> bool:
    """Whether a compiled module is for Linux on another processor, or on any where this isn't Linux."""
    return _machine(path) != _machine(Path(sys.executable).resolve())


def _machine(path: Path) -> bytes:
    """What a program's first bytes say of who runs it: of ELF the magic and e_machine (elf(5)), else the magic."""
    with path.open("rb") as file:
        start = file.read(20)
    return start[:4] + start[18:20] if start.startswith(_ELF) else start[:4]


def _installed(packages: Path) -> Iterator[set[str]]:
    """What each installed distribution has at its top, its folder of metadata among it."""
    for distribution in metadata.distributions(path=[str(packages)]):
        yield {file.parts[0] for file in distribution.files or ()}
