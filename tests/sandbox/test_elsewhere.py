"""What a Mac doesn't have is not needed. There is none here: what only Linux or GNU has is hidden, or looked for.

Sources: the programs are those of util-linux, of GNU's coreutils beside POSIX, and a few more that a small machine
lacks; a Mac's make is GNU make 3.81, whose later news are in its file NEWS; its bash is 3.2, its python3 is 3.9.
"""

import ast
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, run

pytestmark = pytest.mark.slow

LACKING = (
    *(
        "setpriv",
        "unshare",
        "nsenter",
        "flock",
        "taskset",
        "setsid",
        "prlimit",
        "ionice",
        "chrt",
        "lsns",
        "findmnt",
    ),
    *(
        "sha256sum",
        "sha512sum",
        "sha1sum",
        "md5sum",
        "b2sum",
        "tac",
        "nproc",
        "numfmt",
        "shuf",
        "timeout",
        "stdbuf",
    ),
    *("realpath", "ss", "ip", "pidof", "strace", "systemctl", "ldconfig", "getent", "unzip", "jq"),
)
WORDS = ("timeout", "ip", "ss")  # those that also mean something else
LAPTOP = ("Makefile", "bin", "sandbox")  # what runs on a laptop
FOREIGN = {
    r"/proc\b": "psutil",
    rf"(?<![\w./-])({'|'.join(name for name in LACKING if name not in WORDS)})(?![\w-])(?=[ \"'])": "Linux's alone",
    r"\b(timeout|ip|ss) (-|\d|addr\b|link\b)": "Linux's alone",
    r"\breadlink -[a-z]*f": "-f is new in macOS 12.3",
    r"\bsed -[a-z]*i": "-i wants a suffix there",
    r"\bsed [^|]*\\[tn+?]": "\\t, \\n, \\+ and \\? are GNU's",
    r"\b(date|stat|mktemp|cp|ls|sort|head|tail|cut|touch|xargs|grep|sed) (-[a-z]+ )*--[a-z]": "long options are GNU's",
    r"\b(date -d|stat -c|cp -a|grep -[a-z]*P|sort -[a-z]*V|xargs -[a-z]*r|head -n -|ln -[a-z]*r|tail --pid)": "GNU's",
    r"\bexpand -t": "what is a tab wide is for printf",
}
BASH_4 = r"\b(mapfile|readarray|coproc)\b|declare -[a-z]*A|local -n|\$\{[^}]*(\^|,,)|\|&|&>>|=\(\)|shopt -s globstar"
MAKE_4 = (
    r"\.ONESHELL|\.RECIPEPREFIX|\.SHELLSTATUS|\.EXTRA_PREREQS|\.WAIT|\.NOTINTERMEDIATE|\.LIBPATTERNS"
    r"|!=|::=|:::=|&:|\$\((file|guile|let|intcmp) |^\s*(undefine|private|load|-load) |^define \w+ *[:?+]?="
)


def laptop() -> list[Path]:
    """The files of LAPTOP that are code; what GitHub's runners have isn't among them."""
    tops = (CHECKOUT / name for name in LAPTOP)
    files = [path for top in tops for path in (sorted(top.rglob("*")) if top.is_dir() else [top])]
    return [path for path in files if path.is_file() and path.suffix not in (".pyc", ".toml", ".txt")]


@pytest.mark.parametrize("path", laptop(), ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_nothing_of_linux_alone_is_used(path: Path) -> None:
    """No line of code asks for what a Mac lacks; comments may tell of it."""
    code = re.sub(r"(?m)(^|\s)#.*$", "", path.read_text(encoding="utf-8"))
    foreign = [(match[0], why) for pattern, why in FOREIGN.items() for match in re.finditer(pattern, code)]

    assert [] == foreign


@pytest.mark.parametrize(
    "line",
    [
        'Path("/proc/self/stat")',
        "setpriv --pdeathsig=INT sleep 1",
        'program("setpriv", "")',
        "cat a b | sha256sum | cut -c1-64",
        'root=$(readlink -f "$0")',
        r"sed -n 's/a\(b\)/\1\t/p' Makefile",
        "sed -i 's/a/b/' file",
        "stat -c %s file",
        "sort --version-sort",
        "expand -t 24",
        "timeout 10 make",
    ],
)
def test_what_is_looked_for_is_found(line: str) -> None:
    """Each is something that this project's own files have had, or could have."""
    assert [pattern for pattern in FOREIGN if re.search(pattern, line)]


@pytest.mark.parametrize(
    "path", sorted((CHECKOUT / "sandbox").rglob("*.sh")), ids=lambda path: path.parent.name
)
def test_scripts_are_for_bash_3(path: Path) -> None:
    """No later word, and no empty array: to bash before 4.4 that is a variable that isn't set."""
    assert None is re.search(BASH_4, path.read_text(encoding="utf-8"))


def test_the_makefile_is_for_make_381() -> None:
    """Nothing of a later make, and no recipe that relies on .SHELLFLAGS: a line is one command, without a pipe."""
    text = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    recipes = [re.sub(r"'[^']*'|\"[^\"]*\"", "", row) for row in text.splitlines() if row.startswith("\t")]

    assert recipes
    assert None is re.search(MAKE_4, text, re.MULTILINE)
    assert [] == [row for row in recipes if re.search(r"[|;]", row)]


@pytest.mark.parametrize("name", ["progress.py"])
def test_what_the_machines_python_runs_is_old(name: str) -> None:
    """Before anything is installed there is the machine's own python3, on a Mac 3.9."""
    source = (CHECKOUT / "sandbox" / name).read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 9))

    assert not re.search(
        r"^from typing import .*\b(Self|override|TypeAlias|ParamSpec)\b", source, re.MULTILINE
    )
    assert not re.search(r"^\s*(from|import) (pipeline|sandbox|tests)\b", source, re.MULTILINE)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every program of this machine but those of LACKING, and a readlink without -f."""
    folder = tmp_path_factory.mktemp("programs")
    for part in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(part).glob("*") if Path(part).is_dir() else ():
            if program.name not in LACKING:
                (folder / program.name).unlink(missing_ok=True)
                (folder / program.name).symlink_to(program)
    real = shutil.which("readlink")
    (folder / "readlink").unlink()
    (folder / "readlink").write_text(f'#!/bin/sh\ncase $1 in -*) exit 1 ;; esac\nexec {real} "$1"\n')
    (folder / "readlink").chmod(0o755)
    return folder


def test_the_fixture_hides_what_it_should(path: Path) -> None:
    """The programs are gone, and others are there."""
    assert not [name for name in LACKING if shutil.which(name, path=str(path))]
    assert all(shutil.which(name, path=str(path)) for name in ("git", "make", "python3", "bash", "readlink"))


@pytest.mark.parametrize("words", [("help",), ("--dry-run", "demo"), ("--dry-run", "test")])
def test_make_works_without_them(path: Path, words: tuple[str, ...]) -> None:
    """It knows the digest of the lock, so that it installs nothing twice, and lists its targets in two columns."""
    done = run(["make", "-C", CHECKOUT, *words], env={"PATH": str(path)})

    assert "" == done.stderr
    assert re.search(
        r"^  make demo {13}A change" if words == ("help",) else "on two cores", done.stdout, re.MULTILINE
    )


def test_the_launcher_works_without_them(path: Path, tmp_path: Path) -> None:
    """By its own name, by the link in the environment, and by a link to that, absolute or not."""
    for name, target in (
        ("one", CHECKOUT / "bin/pipeline"),
        ("two", CHECKOUT / ".venv/bin/pipeline"),
        ("3 ü", "one"),
    ):
        (tmp_path / name).symlink_to(target)
        done = run([tmp_path / name, "--help"], cwd=tmp_path, env={"PATH": str(path)})
        assert "usage: pipeline" in done.stdout


# Starts a sandbox with its GitHub, becomes a role in a job, and says what came of it.
PARTS = """
import sys
from pathlib import Path
from sandbox.accounts import accounts
from sandbox.state import Sandbox, running
with Sandbox(Path(sys.argv[2]), source=Path(sys.argv[1]), accounts=accounts()[:1]) as box:
    hub = box.github
    done = hub.run(hub.dispatch("look.yml", {}))
    print(done.log.read_text())
    artifacts = sorted(path.name for path in done.workflows[0].artifacts.iterdir())
    print([(job.name, job.result) for job in done.jobs], artifacts)
    print("dead", running(box.folder).dead)
print("after", running(box.folder))
"""
WORKFLOW = """
name: Look
on: workflow_dispatch
permissions: {contents: read, id-token: write}
jobs:
  look:
    name: Look
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@0123
        with: {fetch-depth: 1}
      - run: test -f a.py
      - run: python3 ask.py >token
      - uses: actions/upload-artifact@0123
        with: {name: token, path: token}
"""


ASK = """
import os, urllib.request
bearer = {"Authorization": "Bearer " + os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]}
url = os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"] + "&audience=a"
print(urllib.request.urlopen(urllib.request.Request(url, headers=bearer)).read().decode())
"""


@pytest.mark.e2e
def test_the_sandbox_works_without_them(path: Path, tmp_path: Path) -> None:
    """PostgreSQL, AWS with an account's bootstrap, a job by act with a token, and the end of it all.

    The token is the proof that the job was known by its process and its connection.
    """
    source = tmp_path / "source"
    (source / ".github/workflows").mkdir(parents=True)
    (source / ".github/workflows/look.yml").write_text(WORKFLOW)
    (source / "a.py").write_text("")
    (source / "ask.py").write_text(ASK)
    run(["git", "init", "-q", source])
    words = [sys.executable, "-P", "-c", PARTS, str(source), str(tmp_path / "box")]
    env = {"PATH": str(path), "PYTHONPATH": str(CHECKOUT), "HOME": str(tmp_path), "LANG": "C"}
    done = run(words, env=env, inherit=False, cwd=CHECKOUT, check=False)

    assert (
        "[('Look/Look', 'success')] ['token.zip', 'token.zip.sha256']\ndead []\nafter None\n" in done.stdout
    ), done.stdout + done.stderr
