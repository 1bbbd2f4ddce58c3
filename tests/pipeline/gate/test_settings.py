"""What the gate takes from samconfig.toml's table and from policies/settings.toml, and what it tells of them."""

from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT
from pipeline.gate.engines import own
from pipeline.gate.rules import load
from pipeline.source.project import Project
from pipeline.source.settings import FILE

RULES = {rule.id: rule for rule in load(CHECKOUT / "policies")}
FILES = {
    name: (CHECKOUT / name).read_bytes()
    for name in ("template.yaml", "samconfig.toml", "pyproject.toml", "uv.lock", FILE)
}


def told(rule: str, **changed: tuple[str, str]) -> list[tuple[str, int, str]]:
    """What a rule says of this repository's files, one text in some of them replaced."""
    files = dict(FILES) | {"app/x.py": b"", "rotation/x.py": b""}
    for stem, (old, new) in changed.items():
        name = next(name for name in FILES if stem in name)
        assert old.encode() in files[name]
        files[name] = files[name].replace(old.encode(), new.encode())
    project = Project(Path("/"), files)
    return sorted({(one.file, one.line, one.message) for one in own.apply(RULES[rule], project)})


def line(file: str, text: str) -> int:
    rows = FILES[file].decode().splitlines()
    return next(number for number, row in enumerate(rows, 1) if text in row)


@pytest.mark.parametrize("rule", ["application_described", "open_route", "one_name"])
def test_this_repository_is_described_as_it_is(rule: str) -> None:
    """Its own files have nothing to mend."""
    assert [] == told(rule)


def test_a_missing_table_is_told() -> None:
    """Nothing could be bundled without it."""
    ((file, _, message),) = told("application_described", samconfig=("[application", "[other.x"))

    assert "samconfig.toml" == file
    assert "[application] is missing" in message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"/ready"]', '"/gone"]', "no route of template.yaml answers GET /gone"),
        ('version = "/version"', 'version = "/api/deployments"', "GET /api/deployments asks who calls"),
        ('url = "ApiUrl"', 'url = "Address"', "url names the output Address"),
        (
            'group = "rotation"',
            'group = "rotations"',
            "the group rotations, which pyproject.toml doesn't have",
        ),
        ('folders = ["app"]', 'folders = ["src"]', "the folder src, which doesn't exist"),
    ],
)
def test_what_does_not_fit_is_told_at_its_line(old: str, new: str, message: str) -> None:
    """In this repository's own file."""
    found = told("application_described", samconfig=(old, new))

    assert {("samconfig.toml", line("samconfig.toml", old))} == {one[:2] for one in found}
    assert all(message in one[2] for one in found)


def test_a_route_that_security_does_not_let_be_open() -> None:
    """Without its entry the route is a finding; with an entry for a closed one, the entry is."""
    assert ["GET /ledger is open to everybody"] == [
        one[2] for one in told("open_route", settings=('"GET /ledger",', ""))
    ]
    ((file, number, message),) = told(
        "open_route", settings=('"GET /ledger",', '"GET /ledger", "POST /api/deployments",')
    )
    assert (FILE, line(FILE, '"GET /ledger",')) == (file, number)
    assert "POST /api/deployments may be open, and is no open route" == message


@pytest.mark.parametrize(
    "setting", ['["GET /ledger", 7]', "{}", '["get /ledger"]', '["ANY /"]', '["GET ledger"]']
)
def test_settings_that_open_nothing_are_told(setting: str) -> None:
    """Of another type or form: each a finding in the file, and nothing is open by it."""
    text = FILES[FILE].decode()
    whole = text[text.index("open_routes") :]
    found = told("open_route", settings=(whole, f"open_routes = {setting}\n"))

    assert FILE in {one[0] for one in found}
    assert any("is open to everybody" in one[2] for one in found)


def test_two_functions_of_one_name() -> None:
    """The later one is told, in each environment."""
    rows = FILES["template.yaml"].decode().splitlines()
    first, *_, last = [row for row in rows if row.startswith("      FunctionName: !Sub")]
    found = told("one_name", template=(last, first))

    assert found
    assert {line("template.yaml", last)} == {one[1] for one in found}


def test_code_folders_are_the_applications() -> None:
    """What ships, and where Python code may lie, follows the table."""
    files = FILES | {
        "samconfig.toml": FILES["samconfig.toml"].replace(
            b'folders = ["app"]', b'folders = ["src/api", "lib"]'
        )
    }
    project = Project(Path("/"), files)

    assert ("src", "lib", "rotation") == project.roots[:3]
    assert [True, True, False, False] == [
        project.ships(file) for file in ("src/api/x.py", "lib/y.py", "src/other.py", "app/x.py")
    ]
