"""`pipeline upgrade`: a later engine's files, and not one of the team's."""

import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.errors import ConfigurationError, GateError, ToolError
from pipeline.base.run import CHECKOUT, run
from pipeline.gate import parts
from pipeline.release import upgrade
from pipeline.release.upgrade import ADD, CHANGE, REMOVE, Change
from pipeline.source import adoption, application
from tests.pipeline.bundles import Repository

pytestmark = pytest.mark.outside

SCRIPT = """#!/bin/sh
[ "$1" = lint ] && echo '{{"findings": [], "engines": []}}' && exit 0
cat <<'END'
{{"findings": [{findings}], "engines": [{{"name": "rules", "broken": "{broken}"}}]}}
END
exit 1
"""
FINDING = (
    '{{"severity": "high", "rule": "{0}", "file": "template.yaml", "resource": "F", "environment": null, '
    '"message": "it is", "waiver": {1}}}'
)
GROUPS = '[dependency-groups]\nlambda = ["flask>=3"]\nmain = [\n    "mypy",\n]\n\n[tool.x]\n'


def script(*rules: str, broken: str = "", waived: str = "") -> str:
    """An engine's command with these findings, of which `waived` is let be."""
    findings = [FINDING.format(one, '"w"' if one == waived else "null") for one in rules]
    return SCRIPT.format(findings=", ".join(findings), broken=broken)


def files(**changed: str | None) -> dict[str, str]:
    """An engine in small, as it is taken first; what is None is left out."""
    real = (
        "samconfig.toml",
        ".github/CODEOWNERS",
        "bootstrap/README.md",
        "bootstrap/template.yaml",
        parts.FILE,
    )
    one = {name: (CHECKOUT / name).read_text(encoding="utf-8") for name in real} | {
        "bin/pipeline": script("old_rule", "both_rules"),
        "pipeline/gate/check.py": "one = 1\n",
        "pipeline/gate/gone.py": "one = 1\n",
        "policies/lambda/old_rule/rule.py": "old = 1\n",
        "policies/settings.toml": "open_routes = []\n",
        "policies/rules.txt": "old_rule high\n",
        "policies/waivers.toml": "",
        "app/wsgi.py": "one = 1\n",
        "app/ledger/pages.py": "one = 1\n",
        "tests/pipeline/test_x.py": "one = 1\n",
        "tests/application/test_x.py": "one = 1\n",
        "template.yaml": "Resources: {}\n",
        "docs/rules.md": "old_rule\n",
        "docs/settings.md": "one\n",
        "docs/first.md": "one\n",
        "README.md": "one\n",
        "pyproject.toml": GROUPS,
        "uv.lock": "flask, mypy\n",
        ".github/workflows/deploy.yml": "on: push\n",
    }
    named = {name.replace("__", "/").replace("_md", ".md"): text for name, text in changed.items()}
    return {name: text for name, text in {**one, **named}.items() if text is not None}


LATER = {
    "bin/pipeline": script("both_rules", "new_rule"),
    "pipeline/gate/check.py": "two = 2\n",
    "pipeline/gate/new.py": "two = 2\n",
    "policies/lambda/old_rule/rule.py": None,
    "policies/lambda/new_rule/rule.py": "new = 2\n",
    "policies/settings.toml": "open_routes = ['GET /x']\n",
    "policies/rules.txt": "new_rule high\n",
    "policies/waivers.toml": "# theirs\n",
    "app/wsgi.py": "two = 2\n",
    "app/ledger/pages.py": "two = 2\n",
    "app/later.py": "two = 2\n",
    parts.FILE: (CHECKOUT / parts.FILE).read_text(encoding="utf-8").replace('"wsgi"', '"later", "wsgi"'),
    "tests/application/test_x.py": "two = 2\n",
    "template.yaml": "Resources: {Two: {}}\n",
    "docs/rules.md": "new_rule\n",
    "docs/settings.md": "two\n",
    "docs/first.md": "two\n",
    "README.md": "two\n",
    ".github/workflows/deploy.yml": "on: workflow_call\n",
    "samconfig.toml": "version = 9\n",
}
NAMES = adoption.Names(
    "shop",
    "Initrode/widgets.web",
    "main",
    "mx-central-1",
    {"dev": "135792468013", "prod": "246801357924"},
    {"developers": "@initrode/devs", "platform": "@initrode/ops", "security": "@initrode/red"},
)


def put(repository: Repository, contents: Mapping[str, str | None], subject: str) -> str:
    """Commit these files, and leave no other; with the launcher executable."""
    for name, text in contents.items():
        path = repository.folder / name
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if name == "bin/pipeline":
            path.chmod(0o755)
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--allow-empty", "-m", subject)
    return repository.git("rev-parse", "HEAD")


def begin(folder: Path, subject: str, **changes: str) -> Repository:
    """A repository that begins as this one came, also where `pipeline init` gave this one a team's names since."""
    made = Repository(folder)
    put(made, files(**changes), subject)
    names = {name: text for name, (_, text) in adoption.changes(folder, adoption.example()).items()}
    if names:
        put(made, names, subject)
    return made


@pytest.fixture
def engine(tmp_path: Path) -> Repository:
    """The engine's repository: as it was taken, two commits that touch nothing of pipeline/, and the later one."""
    made = begin(tmp_path / "engine", "before", README_md="zero\n")
    put(made, {"README.md": "one\n"}, "taken")
    put(made, {"docs/unrelated.md": "x\n"}, "after")
    later = LATER | {"samconfig.toml": (made.folder / "samconfig.toml").read_text().replace("INFO", "DEBUG")}
    put(made, later, "later")
    made.git("tag", "v2")
    return made


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A team's repository, without the engine's history: its names, its code, its settings, a README of its own."""
    made = begin(tmp_path / "team", "take it")
    for name, (_, text) in adoption.changes(made.folder, NAMES).items():
        (made.folder / name).write_text(text, encoding="utf-8")
    own = {
        "app/orders.py": "mine = 1\n",
        "app/ledger/pages.py": "mine = 1\n",
        "template.yaml": "Resources: {Mine: {}}\n",
        "policies/settings.toml": "open_routes = ['GET /mine']\n",
        "policies/lambda/my_rule/rule.py": "mine = 1\n",
        "tests/application/test_x.py": "mine = 1\n",
        "README.md": "mine\n",
        "docs/ours.md": "mine\n",
    }
    put(made, own, "ours")
    monkeypatch.chdir(made.folder)
    monkeypatch.setattr(upgrade, "CHECKOUT", made.folder)
    return made


def planned(team: Repository, engine: Repository, base: str | None = None) -> upgrade.Plan:
    with upgrade.fetched(f"{engine.folder}@v2") as later:
        return upgrade.plan(team.folder, later, base)


def test_the_engines_files_are_taken_and_no_other(team: Repository, engine: Repository) -> None:
    """Whatever the later engine did to files that are a team's; a module of app/ that is new in it comes along."""
    expected = {
        Change(CHANGE, "bin/pipeline"),
        Change(CHANGE, "pipeline/gate/check.py"),
        Change(ADD, "pipeline/gate/new.py"),
        Change(CHANGE, parts.FILE),
        Change(REMOVE, "policies/lambda/old_rule/rule.py"),
        Change(ADD, "policies/lambda/new_rule/rule.py"),
        Change(CHANGE, "policies/rules.txt"),
        Change(CHANGE, "app/wsgi.py"),
        Change(ADD, "app/later.py"),
        Change(CHANGE, "docs/rules.md"),
        Change(CHANGE, "docs/settings.md"),
        Change(CHANGE, "docs/first.md"),
        Change(ADD, "docs/unrelated.md"),
        Change(CHANGE, ".github/workflows/deploy.yml"),
    }
    found = planned(team, engine)

    assert expected == set(found.changes)
    assert (("README.md",), ()) == (found.kept, found.clashes)
    assert not found.relock
    assert engine.git("rev-parse", "v2") == found.head
    assert "taken" == engine.git("log", "-1", "--format=%s", found.base)


def test_files_are_written_as_the_engine_has_them(
    team: Repository, engine: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the verdict's difference first; what is waived is no finding. The team's stay byte for byte."""
    before = {name: (team.folder / name).read_bytes() for name in team.git("ls-files").splitlines()}

    assert 1 == cli.main(["upgrade", "--from", f"{engine.folder}@v2"])
    said = capsys.readouterr().out
    assert "findings that the later engine adds (1):\n  high new_rule template.yaml on F: it is\n" in said
    assert "findings that it drops (1):\n  high old_rule template.yaml on F: it is\n" in said
    assert "To write it: --yes" in said
    assert "" == team.git("status", "--porcelain")

    assert 0 == cli.main(["upgrade", "--from", f"{engine.folder}@v2", "--yes"])
    after = {name: (team.folder / name).read_bytes() for name in before if (team.folder / name).exists()}
    code = application.read(team.folder).folders
    assert {name: text for name, text in before.items() if parts.whose(name, code) == parts.TEAMS} == {
        name: text for name, text in after.items() if parts.whose(name, code) == parts.TEAMS
    }
    assert b"mine\n" == after["README.md"]
    assert b"mine = 1\n" == after["policies/lambda/my_rule/rule.py"]
    assert b"two = 2\n" == after["app/wsgi.py"]
    assert not (team.folder / "policies/lambda/old_rule").exists()
    assert (team.folder / "bin/pipeline").stat().st_mode & stat.S_IXUSR
    assert "alias/shop-dev-signing" in after["bootstrap/README.md"].decode()

    team.git("add", "--all")
    team.git("commit", "--quiet", "-m", "upgraded")
    capsys.readouterr()
    assert 0 == cli.main(["upgrade", "--from", f"{engine.folder}@v2", "--yes"])
    assert "nothing to change" in capsys.readouterr().out


def test_names_packages_and_grants_of_a_team_stay_in_files_of_the_engine(
    team: Repository, engine: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The examples of commands, the groups of packages, the generated statements: the rest is the engine's."""
    readme = (CHECKOUT / "bootstrap/README.md").read_text(encoding="utf-8")
    newer = {
        "bootstrap/README.md": f"{readme}\nesclusa-dev-artifacts is new.\n",
        "pyproject.toml": f"{GROUPS}new = 1\n",
    }
    put(engine, newer, "newer")
    engine.git("tag", "--force", "v2")
    own = GROUPS.replace('["flask>=3"]', '["flask>=3", "stripe"]')
    put(team, {"pyproject.toml": own, "uv.lock": "flask, mypy, stripe\n"}, "packages")
    locked: list[Path] = []
    monkeypatch.setattr(
        upgrade,
        "run",
        lambda words, **more: locked.append(more["cwd"]) if "lock" in words else run(words, **more),
    )
    with upgrade.fetched(f"{engine.folder}@v2") as later:
        found = upgrade.plan(team.folder, later, None)
        upgrade.take(team.folder, later, found)

    assert found.relock
    assert [team.folder] == locked
    assert f"{own}new = 1\n" == (team.folder / "pyproject.toml").read_text()
    assert (team.folder / "bootstrap/README.md").read_text().endswith("\nshop-dev-artifacts is new.\n")
    assert {"pyproject.toml", "bootstrap/README.md", "uv.lock"} <= {one.file for one in found.changes}


def test_own_packages_alone_are_no_change(team: Repository, engine: Repository) -> None:
    """The engine's pyproject.toml and lock are as they were: the team's stay."""
    put(
        team,
        {
            "pyproject.toml": GROUPS.replace('["flask>=3"]', '["flask>=3", "stripe"]'),
            "uv.lock": "flask, stripe\n",
        },
        "packages",
    )
    found = planned(team, engine)

    assert not {"pyproject.toml", "uv.lock"} & {one.file for one in found.changes}
    assert not found.relock


def test_what_both_changed_is_refused_and_nothing_written(
    team: Repository, engine: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of the engine, also one that the later engine has no more."""
    put(team, {"app/wsgi.py": "mine = 1\n", "policies/lambda/old_rule/rule.py": "mine = 1\n"}, "ours")

    assert 1 == cli.main(["upgrade", "--from", f"{engine.folder}@v2", "--yes"])
    told = capsys.readouterr()
    assert "app/wsgi.py, policies/lambda/old_rule/rule.py: changed here and in the later engine" in told.err
    assert "" == team.git("status", "--porcelain")


def test_what_was_changed_here_alone_stays_and_is_told(team: Repository, engine: Repository) -> None:
    """It is as it was in the later engine: nothing is lost by leaving it."""
    put(team, {"tests/pipeline/test_x.py": "mine = 1\n"}, "ours")

    assert ("README.md", "tests/pipeline/test_x.py") == planned(team, engine).kept


def test_an_engine_that_was_changed_here_is_not_recognized(team: Repository, engine: Repository) -> None:
    """Then somebody has to say which it was."""
    put(team, {"pipeline/gate/gone.py": "mine = 1\n"}, "ours")

    with pytest.raises(ConfigurationError, match="No commit of that engine has the pipeline/ that is here"):
        planned(team, engine)
    taken = engine.git("rev-parse", "v2~2")
    assert ("README.md", "pipeline/gate/gone.py") == planned(team, engine, taken).kept
    with pytest.raises(ConfigurationError, match="--base nowhere is no commit"):
        planned(team, engine, "nowhere")


@pytest.mark.parametrize("file", ["app/orders.py", "new.py", "pipeline/gate/check.py"])
def test_an_unclean_tree_is_refused(
    team: Repository, engine: Repository, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What isn't committed, or isn't known to git, would mix with what comes."""
    (team.folder / file).write_text("not committed\n")

    assert 2 == cli.main(["upgrade", "--from", f"{engine.folder}@v2", "--yes"])
    assert f"not committed, which would mix with the engine's: {file}" in capsys.readouterr().err
    assert "not committed\n" == (team.folder / file).read_text()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("", "PATH_OR_URL@REF"),
        ("/somewhere", "PATH_OR_URL@REF"),
        ("git@github.com:acme/engine", "PATH_OR_URL@REF"),
        ("/somewhere@--upload-pack=x", "PATH_OR_URL@REF"),
        ("--upload-pack=x@v1", "PATH_OR_URL@REF"),
        ("{engine}@v9", "can't be fetched"),
        ("{team}@main", "is no engine"),
    ],
)
def test_no_engine_is_told(
    tmp_path: Path, engine: Repository, source: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source without a version, one that isn't there, one that is something else."""
    other = Repository(tmp_path / "other")
    monkeypatch.chdir(tmp_path)

    with (
        pytest.raises(ConfigurationError, match=why),
        upgrade.fetched(source.format(engine=engine.folder, team=other.folder)),
    ):
        pass


def test_without_a_verdict_nothing_is_written(team: Repository, engine: Repository) -> None:
    """An engine whose tools are not well tells no difference."""
    put(engine, {"bin/pipeline": script("both_rules", broken="rules raised")}, "broken")
    engine.git("tag", "--force", "v2")
    with (
        upgrade.fetched(f"{engine.folder}@v2") as later,
        pytest.raises(ToolError, match="no verdict of rules"),
    ):
        upgrade.difference(team.folder, later, upgrade.plan(team.folder, later, None))

    put(engine, {"bin/pipeline": "#!/bin/sh\necho no\n"}, "worse")
    engine.git("tag", "--force", "v2")
    with (
        upgrade.fetched(f"{engine.folder}@v2") as later,
        pytest.raises(ToolError, match="gave no verdict: no"),
    ):
        upgrade.difference(team.folder, later, upgrade.plan(team.folder, later, None))
    assert "" == team.git("status", "--porcelain")


def test_other_tools_are_installed_for_the_verdict(
    team: Repository, engine: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are here would judge by versions that the later engine doesn't know."""
    put(engine, {"uv.lock": "flask, mypy 2\n"}, "newer")
    engine.git("tag", "--force", "v2")
    made: list[object] = []
    monkeypatch.setattr(
        upgrade,
        "run",
        lambda words, **more: made.append(words[-1]) if words[0] == "make" else run(words, **more),
    )
    with upgrade.fetched(f"{engine.folder}@v2") as later:
        found = upgrade.difference(team.folder, later, upgrade.plan(team.folder, later, None))

    assert ["install-check"] == made
    assert ("high new_rule template.yaml on F: it is",) == found.added


def test_a_refusal_comes_before_anything_is_written(team: Repository, engine: Repository) -> None:
    """Whoever calls it."""
    put(team, {"app/wsgi.py": "mine = 1\n"}, "ours")
    with upgrade.fetched(f"{engine.folder}@v2") as later, pytest.raises(GateError):
        upgrade.take(team.folder, later, upgrade.plan(team.folder, later, None))

    assert "" == team.git("status", "--porcelain")
