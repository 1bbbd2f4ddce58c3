"""What a bundle is made of: the bytes that git keeps, and nothing that is no plain file of one name."""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError, ToolError
from pipeline.base.run import CHECKOUT
from pipeline.delivery import bundle
from pipeline.gate.engines import own
from pipeline.gate.fixtures import DESCRIBED
from pipeline.source import blobs
from pipeline.source.project import Project
from tests.pipeline.bundles import Repository
from tests.rules import rule

pytestmark = pytest.mark.outside


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One with this application's description."""
    made = Repository(tmp_path / "clone")
    made.commit("described", {"samconfig.toml": DESCRIBED})
    return made


def faults(made: Repository, commit: str) -> tuple[list[str], list[str]]:
    """What a bundle of the commit is refused for, and what the gate says of its work tree."""
    try:
        blobs.check(blobs.read(made.folder, commit), ["app"])
        refused = []
    except ConfigurationError as error:
        refused = [error.message]
    project = Project.load(made.folder)
    rules = (rule("plain_files"), rule("weakening_file"))
    return refused, [found.message for one in rules for found in own.apply(one, project)]


def test_the_files_of_this_commit_are_those_that_git_archives(tmp_path: Path) -> None:
    """Where no attribute says otherwise, a second way of git to hand them out gives the same bytes."""
    blobs.write(blobs.read(CHECKOUT, "HEAD"), tmp_path / "raw")
    done = subprocess.run(["git", "archive", "HEAD"], cwd=CHECKOUT, capture_output=True, check=True)  # noqa: S607
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(tmp_path / "archive", filter="data")
    read = [
        {
            path.relative_to(folder).as_posix(): str(path.readlink()).encode()
            if path.is_symlink()
            else path.read_bytes()
            for path in folder.rglob("*")
            if path.is_symlink() or path.is_file()
        }
        for folder in (tmp_path / "raw", tmp_path / "archive")
    ]

    assert "template.yaml" in read[0]
    assert read[1] == read[0]


STAMP = 'NOTES = """$Format:%b$"""\n'
ATTRIBUTES = (
    "app/notes.py export-subst",
    "app/notes.py export-ignore",
    "*.py filter=stamp",
    "*.py ident",
    "*.py working-tree-encoding=UTF-16",
    "*.py eol=crlf",
    '"app/notes.py" export-subst',
    "[attr]stamp export-subst\napp/notes.py stamp",
    "\tapp/notes.py  -diff\texport-subst\r",
)


@pytest.mark.parametrize("attributes", ATTRIBUTES)
@pytest.mark.parametrize("file", [".gitattributes", "app/.gitattributes", "app/.GitAttributes"])
def test_no_attribute_changes_what_was_reviewed(repository: Repository, attributes: str, file: str) -> None:
    """The text of a commit's message would become code: the bytes are the blob's, and it is told."""
    made = {"app/notes.py": STAMP, file: f"{attributes}\n"}
    attack = '"""\nimport os\nPWNED = os.getpid()\n"""'
    commit = repository.commit(f"Stamp the version\n\n{attack}", made)
    refused, told = faults(repository, commit)

    assert STAMP.encode() == blobs.read(repository.folder, commit).files["app/notes.py"]
    assert ["makes git hand out other bytes"] == ["makes git hand out other bytes" for _ in refused]
    assert any("makes git hand out other bytes" in one for one in told)


def test_a_bundle_with_such_an_attribute_is_not_built(repository: Repository, tmp_path: Path) -> None:
    """Before anything of the commit runs; the message names file, line and attribute."""
    commit = repository.commit("x", {"app/.gitattributes": "# none\nnotes.py export-subst\n"})

    with pytest.raises(
        ConfigurationError, match=r"app/\.gitattributes:2: notes\.py export-subst: export-subst"
    ):
        bundle.build(repository.folder, tmp_path / "bundle", commit)


def test_harmless_attributes_pass(repository: Repository) -> None:
    """Ends of lines that git takes in, and what is unset."""
    commit = repository.commit(
        "x", {".gitattributes": "* text=auto\n*.sh -export-subst !eol -filter\n# ident\n"}
    )

    assert ([], []) == faults(repository, commit)


LINKS = {
    "out": ("app/x.py", "../../elsewhere.py", "leads out of the repository"),
    "absolute": ("app/x.py", "/etc/passwd", "leads out of the repository"),
    "out and in": ("app/x.py", "../../clone/app/y.py", "leads out of the repository"),
    "circle": ("app/x.py", "x.py", "leads out of the repository"),
    "nowhere": ("app/x.py", "none.py", "where nothing is"),
    "folder": ("app/x", "../docs", "in code that ships"),
    "itself": ("app/x", "..", "where nothing is"),
}


@pytest.mark.parametrize("kind", LINKS)
def test_a_link_stays_in_the_tree(repository: Repository, kind: str) -> None:
    """What lies outside is of the machine that builds; behind a folder nobody judges what ships."""
    name, target, said = LINKS[kind]
    repository.commit("files", {"app/y.py": "y = 1\n", "docs/z.py": "z = 1\n"})
    (repository.folder / name).symlink_to(target)
    repository.git("add", name)
    refused, told = faults(repository, repository.commit("link"))

    assert [True] == [said in one for one in refused]
    assert any(said in one for one in told)


UNJUDGED = (
    ".venv/bin/python",
    ".venv/.lock",
    ".tools/uv/bin/uv",
    ".VENV/.lock",
    "build/bundle/app.zip",
    ".aws-sam/build/template.yaml",
    "app/__pycache__/wsgi.cpython-313.pyc",
    "pipeline/gate/__pycache__/check.cpython-313.pyc",
    "app/orders.pyc",
    "tests/.pytest_cache/conftest.py",
    ".coveragerc",
)


@pytest.mark.parametrize("name", UNJUDGED)
def test_what_the_gate_passes_over_is_not_committed(repository: Repository, name: str) -> None:
    """An environment that is stamped as installed, or a .pyc in its source's place, would run, judged by nobody."""
    refused, told = faults(repository, repository.commit("forced", {name: "x\n"}))

    assert [f"{name} lies where tools put what they make: no rule looks there, and it may run."] == refused
    assert any(name in one for one in told)


@pytest.mark.parametrize("name", [".venv", ".tools", "build"])
def test_a_link_in_their_place_is_not_committed(repository: Repository, name: str) -> None:
    """To a folder of the tree, which is judged under its own name alone."""
    repository.commit("folder", {"docs/bin/python": "x\n"})
    (repository.folder / name).symlink_to("docs")
    repository.git("add", "--force", name)
    refused, told = faults(repository, repository.commit("link"))

    assert [True] == ["where tools put" in one for one in refused]
    assert any("where tools put" in one for one in told)


def test_what_lies_there_and_is_not_committed_alarms_nobody(repository: Repository) -> None:
    """Every clone in which something was installed or tried has it; such names elsewhere are folders like others."""
    names = [name for name in UNJUDGED if not name.startswith(".VENV")]  # which is another folder here
    for name in names:
        (repository.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (repository.folder / name).write_text("x\n")
    (repository.folder / ".gitignore").write_text("".join(f"/{name}\n" for name in names))
    others = {"docs/build/x.md": "x\n", "app/venv/x.py": "x = 1\n", "app/pyc.py": ""}
    commit = repository.commit("others", others)

    assert ([], []) == faults(repository, commit)


@pytest.mark.parametrize(
    ("name", "target"), [("app/x.py", "y.py"), ("app/x.py", "../docs/z.py"), ("d", "docs")]
)
def test_a_link_to_a_file_of_the_tree_is_that_file(
    repository: Repository, tmp_path: Path, name: str, target: str
) -> None:
    """So is one to a folder, where nothing ships."""
    repository.commit("files", {"app/y.py": "y = 1\n", "docs/z.py": "y = 1\n"})
    (repository.folder / name).symlink_to(target)
    repository.git("add", name)
    commit = repository.commit("link")
    blobs.write(blobs.read(repository.folder, commit), tmp_path / "out")

    assert ([], []) == faults(repository, commit)
    assert (tmp_path / "out" / name).exists()


def test_a_link_through_a_link_to_a_folder_leads_out(repository: Repository) -> None:
    """Each name by itself stays in the tree."""
    repository.commit("files", {"a/b/y.py": "y = 1\n"})
    for name, target in (("here", "a/b"), ("out.py", "here/../../../y.py")):
        (repository.folder / name).symlink_to(target)
        repository.git("add", name)
    refused, told = faults(repository, repository.commit("link"))

    assert ["out.py is a link to 'here/../../../y.py', which leads out of the repository."] == refused
    assert any("out.py is a link" in one for one in told)


def test_a_submodule_is_refused(repository: Repository) -> None:
    """What is in it comes from elsewhere, by a name that nobody looked into."""
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{repository.first},app/vendored")
    refused, told = faults(repository, repository.commit("vendor"))

    assert [True] == ["is a submodule" in one for one in refused]
    assert any("app/vendored is a submodule" in one for one in told)


CLASHES = (
    ("app/notes.py", "app/Notes.py"),
    ("app/notes.py", "App/other.py"),
    ("app/caf\u00e9.py", "app/cafe\u0301.py"),
    ("app/stra\u00dfe.py", "app/STRASSE.py"),
)


@pytest.mark.parametrize("names", CLASHES)
def test_two_names_of_one_file_are_refused(repository: Repository, names: tuple[str, str]) -> None:
    """On a Mac or on Windows one is written over the other."""
    commit = repository.commit("x", {name: f"x = {number}\n" for number, name in enumerate(names)})
    refused, told = faults(repository, commit)

    assert [True] == ["has a name that some systems take for" in one for one in refused]
    assert any("has a name that some systems take for" in one for one in told)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((("100644", "app/x"), ("100644", "app/x/y.py")), "some systems take for app/x"),
        ((("100644", "app/.GIT/config"),), "that no repository should hold"),
        ((("100644", "../x.py"),), "that no repository should hold"),
        ((("120000", "app"), ("100644", "app/x.py")), "some systems take for app"),
    ],
)
def test_a_tree_that_git_itself_never_writes_is_refused(rows: tuple[tuple[str, str], ...], said: str) -> None:
    """A name below a file or a link, in git's own folder, or above the top: nothing of it is written."""
    files = {name: b"" for mode, name in rows if mode == "100644"}
    tree = blobs.Tree(files, {name: "x.py" for mode, name in rows if mode == "120000"}, ())

    with pytest.raises(ConfigurationError, match=said):
        blobs.check(tree, ["app"])


def test_an_object_that_a_clone_replaced_is_not_read(repository: Repository) -> None:
    """`git replace` is a setting of one clone."""
    commit = repository.commit("x", {"app/x.py": "x = 1\n"})
    (repository.folder / "other").write_text("x = 2\n")
    old = repository.git("rev-parse", f"{commit}:app/x.py")
    repository.git("replace", old, repository.git("hash-object", "-w", "other"))

    assert b"x = 1\n" == blobs.read(repository.folder, commit).files["app/x.py"]


def test_a_commit_that_is_not_there_is_told(repository: Repository) -> None:
    """By git's own words."""
    with pytest.raises(ToolError, match="git ls-tree failed: "):
        blobs.read(repository.folder, "f" * 40)
