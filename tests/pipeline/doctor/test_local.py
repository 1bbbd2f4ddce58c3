"""`pipeline doctor`: what of the repository is still to be done, and how near its limits are."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.errors import ConfigurationError
from pipeline.base.run import CHECKOUT
from pipeline.delivery import bundle
from pipeline.doctor import local, model
from pipeline.doctor.model import NOTE, OK, UNKNOWN, WRONG, Remark, limit, status
from pipeline.source import adoption, quotas
from pipeline.source.project import Project
from tests.pipeline.gate.conftest import SETTINGS, TEMPLATE

pytestmark = pytest.mark.outside

OTHERS = adoption.Names(
    "shop",
    "Initrode/widgets.web",
    "main",
    "mx-central-1",
    {"dev": "135792468013", "prod": "246801357924"},
    {"developers": "@initrode/devs", "platform": "@initrode/ops", "security": "@initrode/red"},
)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that init writes, with the names that the repository comes with, whatever stands here today."""
    monkeypatch.setattr(bundle, "build", _no_bundle)
    for file in adoption.FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text((CHECKOUT / file).read_text(encoding="utf-8"), encoding="utf-8")
    _rename(tmp_path, adoption.example())
    return tmp_path


def _no_bundle(*_: object) -> bundle.Bundle:
    raise ConfigurationError("HEAD can't be built.", "Commit first.")


def _rename(folder: Path, names: adoption.Names) -> None:
    for file, (_, after) in adoption.changes(folder, names).items():
        (folder / file).write_text(after, encoding="utf-8")


def names(folder: Path) -> dict[str, Remark]:
    return {one.what: one for one in local.look(folder) if one.group == local.NAMES}


def test_every_name_of_the_example_is_told_with_its_places(checkout: Path) -> None:
    """Until init has written others; then none is left."""
    found = names(checkout)
    row = next(
        number
        for number, text in enumerate((checkout / "samconfig.toml").read_text().splitlines(), 1)
        if text.startswith("name = ")
    )

    assert {
        "name",
        "repository",
        "account of dev",
        "account of prod",
        "who reviews as security",
    } <= found.keys()
    assert {WRONG} == {one.state for one in found.values()}
    assert f"{adoption.example().name} is the example's: samconfig.toml:{row} and " in found["name"].told
    assert {"Run: bin/pipeline init"} == {one.resolve for one in found.values()}

    _rename(checkout, OTHERS)
    assert [("names", OK)] == [(one.what, one.state) for one in names(checkout).values()]


_EXAMPLE = adoption.example()


@pytest.mark.parametrize(
    ("written", "left"),
    [
        (replace(OTHERS, name=_EXAMPLE.name), {"name"}),
        (replace(OTHERS, accounts={**OTHERS.accounts, "dev": _EXAMPLE.accounts["dev"]}), {"account of dev"}),
        (
            replace(OTHERS, teams={**OTHERS.teams, "security": _EXAMPLE.teams["security"]}),
            {"who reviews as security"},
        ),
    ],
)
def test_one_that_was_forgotten_is_told_alone(
    checkout: Path, written: adoption.Names, left: set[str]
) -> None:
    """Whoever changed all but one hears of that one."""
    _rename(checkout, written)

    assert left == names(checkout).keys()


def test_the_example_is_what_this_repository_comes_with() -> None:
    """As long as it has that name; a team's own repository may be called otherwise, or have other ids."""
    now, example = adoption.current(CHECKOUT), adoption.example()

    if (now.name, now.repository) == (example.name, example.repository):
        assert (example.region, example.accounts, example.teams) == (now.region, now.accounts, now.teams)


def parts(**files: str) -> dict[str, str]:
    project = Project(Path("/"), {name: text.encode() for name, text in files.items()})
    return {one.told: one.resolve for one in local._parts(project) if one.state == WRONG}


def test_what_is_missing_is_told_where_it_is_mended() -> None:
    """Routes of health, the lock, owners: each by the gate's own rule, with its place and its remedy."""
    table = """
[application]
name = "shop"
repository = "acme/shop"
branch = "main"
ledger = false
url = "Address"
health = ["/health"]
version = "/version"
[application.code.app]
folders = ["app"]
group = "lambda"
"""
    files = {
        "samconfig.toml": SETTINGS + table,
        "template.yaml": TEMPLATE,
        ".github/CODEOWNERS": "* @acme/all\n",
        "pyproject.toml": '[dependency-groups]\nlambda = ["flask"]\n',
        "app/__init__.py": "",
    }
    found = parts(**files)

    assert any("no route of template.yaml answers GET /health" in told for told in found)
    assert any("url names the output Address, which template.yaml doesn't have" in told for told in found)
    assert any("the group lambda, which uv.lock doesn't have" in told for told in found)
    assert any("policies/waivers.toml has no owners of its own" in told for told in found)
    assert "Add a line: /policies/ @ORG/TEAM" == found[".github/CODEOWNERS gives /policies/ to nobody"]
    assert all(found.values())


def test_a_template_that_cannot_be_read_is_no_all_clear(checkout: Path) -> None:
    """Nothing of it was looked at: exit status 2."""
    (checkout / "template.yaml").write_text("Resources: [\n")
    found = list(local.look(checkout))

    assert any(one.state == UNKNOWN and "template.yaml:" in one.told for one in found)
    assert 2 == status(found)


@pytest.mark.parametrize(
    ("used", "state", "share"), [(79, OK, 79), (80, NOTE, 80), (100, NOTE, 100), (101, WRONG, 101)]
)
def test_a_limit_is_told_before_it_is_reached(used: int, state: str, share: int) -> None:
    """From four fifths on; beyond it there is something to do."""
    found = limit("limits", "it", used, 100, "bytes", "Less.")

    assert (state, share) == (found.state, found.share)
    assert bool(found.resolve) == (state != OK)


def test_events_fill_the_resource_policy() -> None:
    """As AWS writes a statement: see GetPolicy's example in its reference, which such a one has some 370 bytes by.

    A request that adds one more event than fits ends with PolicyLengthExceededException (aws/serverless-application-
    model#337), which a count of resources doesn't tell.
    """
    event = "        R{0}:\n          Type: Api\n          Properties: {{ Path: /r{0}, Method: GET }}\n"
    head, _, tail = TEMPLATE.partition("      Events:\n        Get:\n          Type: Api\n")
    rest = tail.partition("            Method: GET\n")[2]

    def nearest(count: int) -> Remark:
        text = head + "      Events:\n" + "".join(event.format(number) for number in range(count)) + rest
        project = Project(Path("/"), {"template.yaml": text.encode(), "samconfig.toml": SETTINGS.encode()})
        return next(one for one in local._limits(project) if one.what.startswith("resource policy"))

    assert "resource policy of Function, 10 statements" == nearest(10).what
    assert 280 < ((nearest(11).used or 0) - (nearest(10).used or 0)) < 400
    assert [OK, WRONG] == [nearest(10).state, nearest(80).state]
    assert quotas.RESOURCE_POLICY == nearest(10).most


def test_archives_are_measured_unpacked(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What Lambda counts is the code as it lies there; one that can't be built wasn't measured."""
    made = tmp_path / "made"
    made.mkdir()
    with zipfile.ZipFile(made / "app.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big", b"0" * (quotas.UNPACKED + 1))
    monkeypatch.setattr(
        bundle, "build", lambda *_: bundle.Bundle(made, "a" * 64, "b" * 40, {"app.zip": "c" * 64})
    )

    assert [(WRONG, "app.zip, unpacked")] == [(one.state, one.what) for one in local._archives(checkout)]
    monkeypatch.setattr(bundle, "build", _no_bundle)
    assert [UNKNOWN] == [one.state for one in local._archives(checkout)]


def test_it_is_printed_for_people_and_machines(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both with the figures, and the same exit status."""
    remarks = [
        limit("limits", "policy", 19_000, 20_480, "bytes", "Fewer events."),
        Remark("names", "name", WRONG, "still\nthe example's", "Run init."),
    ]
    monkeypatch.setattr(local, "look", lambda root: iter(remarks))
    monkeypatch.chdir(checkout)

    assert 1 == cli.main(["doctor"])
    said = capsys.readouterr().out
    assert "  note   policy: 19,000 of 20,480 bytes (92 %)\n         Fewer events.\n" in said
    assert "  TO DO  name: still the example's\n         Run init.\n" in said
    assert 1 == cli.main(["doctor", "--format", "json"])
    data = json.loads(capsys.readouterr().out)
    assert (model.SCHEMA, 92, 20_480) == (
        data["schema"],
        data["remarks"][0]["percent"],
        data["remarks"][0]["most"],
    )
    assert [0, 1, 2] == [
        status(remarks[:1]),
        status(remarks),
        status([*remarks, Remark("limits", "code", UNKNOWN, "?")]),
    ]
