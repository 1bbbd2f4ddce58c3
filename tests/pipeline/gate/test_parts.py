"""Whose a file is, and whose tests a change asks for: in doubt everybody's."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import CHECKOUT, run
from pipeline.gate import parts
from tests.pipeline.applications import TABLE

pytestmark = pytest.mark.outside

# As samconfig.toml names them; a name of the engine's among them makes nothing of it the application's.
CODE = ("app", "rotation", "shop", "pipeline", "policies/iam")


@pytest.mark.parametrize(
    "file",
    [
        "shop/cart.py",
        "template.yaml",
        "samconfig.toml",
        "app/orders.py",
        "app/aws.py",
        "app/orders/__init__.py",
        "app/ledger/pages.py",
        "app/ledger/health.py",
        "app/migrations/0009_orders.sql",
        "app/templates/home.html",
        "tests/application/test_orders.py",
        "tests/application/ledger/conftest.py",
        "docs/your-application.md",
        "docs/picture.png",
        "README.md",
        "SECURITY.md",
        ".github/CODEOWNERS",
        "policies/waivers.toml",
        "policies/settings.toml",
        "app/a name with blanks, ünicode and\nline ends.py",
    ],
)
def test_what_is_the_applications(file: str) -> None:
    """What a team changes, new files among it."""
    assert parts.is_application(file, CODE)


@pytest.mark.parametrize(
    "file",
    [
        *(
            "uv.lock",
            "pyproject.toml",
            ".python-version",
            "Makefile",
            "bin/pipeline",
            ".gitattributes",
            ".gitignore",
        ),
        *("pipeline/gate/parts.py", "policies/lambda/timeout/rule.py", "policies/role_jobs.toml"),
        *(
            "policies/lambda/waivers.toml",
            "bootstrap/template.yaml",
            "sandbox/aws.py",
            "rotation/function.py",
        ),
        *(".github/workflows/checks.yml", ".github/actions/setup/action.yml"),
        *("tests/conftest.py", "tests/app/test_wsgi.py", "tests/applications/test_x.py", "tests/application"),
        *(
            "app/wsgi.py",
            "app/wsgi/__init__.py",
            "app/wsgi.pyi",
            "app/wsgi.cpython-313.so",
            "app/__init__.py",
        ),
        *("app/.gitattributes", "app/ledger/.ruff.toml", "docs/.hidden/x", "tests/application/.coveragerc"),
        *("tests/golden/README.md", "policies/x/y/good.md", "docs", "app", "Docs/x.md", "App/x.py"),
        *("new-folder/x.py", "new.py", "sitecustomize.py", "any.pth", "template.yml", "template.yaml.py"),
        "a name with blanks, ünicode and\nline ends.py",
    ],
)
def test_what_is_the_engines(file: str) -> None:
    """Everything else, also what nobody has thought of."""
    assert not parts.is_application(file, CODE)


def test_the_platform_is_there() -> None:
    """No module stands on the list that app/ doesn't have."""
    modules = {path.name.partition(".")[0] for path in (CHECKOUT / "app").iterdir()}

    assert set() == parts.PLATFORM - modules


_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import\s+(\([^)]*\)|.*)|import\s+([\w.]+))", re.MULTILINE)


def _imported(folder: str) -> Iterator[str]:
    """What the files of a folder import: modules, and names with their package."""
    for path in sorted((CHECKOUT / folder).rglob("*.py")):
        for package, names, module in _IMPORT.findall(path.read_text(encoding="utf-8")):
            yield from [module] if module else (f"{package}.{name}" for name in re.findall(r"\w+", names))


def test_what_the_engines_tests_import_of_app_is_the_platform() -> None:
    """A module that they test and that is not on the list could change without them."""
    folders = [
        path.name for path in (CHECKOUT / "tests").iterdir() if path.is_dir() and path.name != "application"
    ]
    modules = {
        name.split(".")[1]
        for folder in folders
        for name in _imported(f"tests/{folder}")
        if name.startswith("app.") and (CHECKOUT / "app" / f"{name.split('.')[1]}.py").is_file()
    }

    assert modules
    assert set() == modules - parts.PLATFORM


def test_the_applications_tests_stand_alone() -> None:
    """They import nothing of the engine's folders of tests: whoever changes these can't break those."""
    others = {path.name for path in (CHECKOUT / "tests").iterdir() if path.is_dir()} - {"application"}
    found = {
        name for name in _imported(parts.TESTS) if name.startswith("tests.") and name.split(".")[1] in others
    }

    assert set() == found


# What changed ---------------------------------------------------------------------------------------------


def _git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    return run(["git", *who, *words], cwd=folder).stdout.strip()


def _write(folder: Path, *names: str, text: str = "changed\n") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository on a branch, one commit after main."""
    _git(tmp_path, "init", "--quiet", "--initial-branch=main")
    _write(
        tmp_path, "app/orders.py", "app/wsgi.py", "pipeline/cli.py", "uv.lock", "tests/application/test_x.py"
    )
    _write(tmp_path, ".gitignore", text="build/\n")
    _write(tmp_path, "samconfig.toml", text=TABLE)
    _git(tmp_path, "add", "--all")
    _git(tmp_path, "commit", "--quiet", "-m", "first")
    _git(tmp_path, "switch", "--quiet", "--create", "change")
    _write(tmp_path, "app/orders.py", text="other\n")
    _git(tmp_path, "commit", "--quiet", "--all", "-m", "second")
    return tmp_path


def _commit(folder: Path) -> None:
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "-m", "change")


@pytest.mark.parametrize("base", ["main", "HEAD~1", "refs/heads/main"])
def test_a_change_of_the_application_asks_for_its_tests_alone(folder: Path, base: str) -> None:
    """Committed or not; what is ignored is nobody's."""
    _write(folder, "app/new one.py", "docs/x.md", "build/pipeline/x.py", text="new\n")

    scope = parts.scope(folder, base)

    assert not scope.engine
    assert f"the engine is unchanged against {base}" in scope.why


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("file", ["pipeline/cli.py", "uv.lock", "app/wsgi.py", "new.py", "ü\n ü.py", "bin/x"])
def test_a_change_of_the_engine_asks_for_all(folder: Path, file: str, committed: bool) -> None:
    """Changed or new, whatever its name, committed or not."""
    _write(folder, file, text="other\n")
    if committed:
        _commit(folder)

    scope = parts.scope(folder, "main")

    assert scope.engine
    assert f"{file}, which is the engine's, changed against main" in scope.why


@pytest.mark.parametrize("staged", [False, True])
def test_what_is_gone_or_moved_counts(folder: Path, staged: bool) -> None:
    """Deleted, and moved into the application's folders: the old name is the engine's."""
    (folder / "pipeline/cli.py").rename(folder / "app/cli.py")
    if staged:
        _git(folder, "add", "--all")

    assert "pipeline/cli.py" in parts.scope(folder, "main").why


def test_a_mode_counts(folder: Path) -> None:
    """A file that becomes a program, and one that becomes a link."""
    (folder / "pipeline/cli.py").chmod(0o755)
    assert parts.scope(folder, "main").engine
    (folder / "pipeline/cli.py").chmod(0o644)
    assert not parts.scope(folder, "main").engine

    (folder / "uv.lock").unlink()
    (folder / "uv.lock").symlink_to("app/orders.py")
    assert parts.scope(folder, "main").engine


def test_what_main_changed_meanwhile_is_not_the_changes_own(folder: Path) -> None:
    """The comparison begins where the branch left main; merged, what main changed is main's too."""
    _git(folder, "switch", "--quiet", "main")
    _write(folder, "pipeline/cli.py", text="main's\n")
    _commit(folder)
    _git(folder, "switch", "--quiet", "change")

    assert not parts.scope(folder, "main").engine

    _git(folder, "merge", "--quiet", "--no-edit", "main")
    assert not parts.scope(folder, "main").engine
    assert parts.scope(folder, "main~1").engine


def test_a_persons_settings_have_no_say(folder: Path) -> None:
    """Neither what only this clone ignores, nor how it likes its differences."""
    _write(folder, ".git/info/exclude", text="*.py\n")
    for name, value in (("diff.relative", "true"), ("diff.renames", "copies"), ("core.quotePath", "true")):
        _git(folder, "config", name, value)
    (folder / "pipeline/cli.py").rename(folder / "pipeline/moved.py")

    assert "pipeline/cli.py and 1 more" in parts.scope(folder, "main").why


def test_main_is_origins_or_else_ones_own(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A tag of that name is neither; where there is none there is no base."""
    assert parts.main(folder) == "main"

    _git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert parts.main(folder) == "origin/main"
    assert "unchanged against origin/main" in parts.scope(folder, parts.main(folder)).why

    _git(folder, "update-ref", "-d", "refs/remotes/origin/main")
    _git(folder, "branch", "--move", "main", "trunk")
    _git(folder, "tag", "main")
    assert parts.main(folder) is None
    assert parts.main(tmp_path_factory.mktemp("plain")) is None


@pytest.mark.parametrize("base", [None, "", "0" * 40])
def test_without_a_base_all_run(folder: Path, base: str | None) -> None:
    """Also of a branch that is new, whose event gives zeros."""
    assert parts.scope(folder, base).engine


def test_without_a_repository_all_run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """And in a folder of another repository, which says nothing of this one."""
    inside = folder / "inside"
    inside.mkdir()

    assert "no git repository" in parts.scope(tmp_path_factory.mktemp("plain"), "main").why
    assert "no git repository" in parts.scope(inside, "main").why


def test_without_tests_of_the_application_all_run(folder: Path) -> None:
    """Nothing to run is no verdict."""
    (folder / "tests/application/test_x.py").unlink()
    (folder / "tests/application").rmdir()
    _commit(folder)

    assert parts.scope(folder, "HEAD").why == "all tests: there is no folder tests/application"


@pytest.mark.parametrize("base", ["nowhere", "f" * 40, "main..change", "--all", "HEAD:app", "a\nb", "-"])
def test_a_base_that_is_no_commit_is_an_error(folder: Path, base: str) -> None:
    """With exit status 2: nothing was judged."""
    with pytest.raises(ConfigurationError, match="is no commit of this clone") as raised:
        parts.scope(folder, base)

    assert (2, True) == (raised.value.exit_code, "fetch-depth: 0" in raised.value.hint)


def test_a_base_without_a_common_history_is_an_error(folder: Path) -> None:
    """As in a shallow clone."""
    _git(folder, "switch", "--quiet", "--orphan", "other")
    _git(folder, "commit", "--quiet", "--allow-empty", "-m", "alone")
    _git(folder, "switch", "--quiet", "change")

    with pytest.raises(ConfigurationError, match="other and HEAD have no commit in common"):
        parts.scope(folder, "other")


def test_a_repository_without_a_commit_is_an_error(tmp_path: Path) -> None:
    """There is nothing to compare."""
    _git(tmp_path, "init", "--quiet")
    _write(tmp_path, "tests/application/test_x.py")

    with pytest.raises(ConfigurationError, match="not a git repository with a commit"):
        parts.scope(tmp_path, "main")
