"""The files of a commit as git keeps them: the bytes that were reviewed, whatever an attribute would make of them."""

import os
import re
import subprocess
import unicodedata
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pipeline.base.errors import ConfigurationError, ToolError
from pipeline.base.surroundings import kept

_LINK, _SUBMODULE = "120000", "160000"  # https://git-scm.com/docs/git-fast-import#_filemodify
_MOST_LINKS = 40  # that one name may lead through, as in Linux
ATTRIBUTES = ".gitattributes"
_PATTERN = re.compile(r'"(?:[^"\\]|\\.)*"|\S+')  # a row of .gitattributes begins with it, perhaps in quotes
# What tools and builds leave behind, all of it ignored by git: at the top, and anywhere. No rule looks there.
NOT_AT_TOP = frozenset((".git", ".venv", ".tools", ".sandbox", ".aws-sam", "build"))
NOWHERE = frozenset((".git", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"))
# What makes git hand out other bytes than it has: in a work tree, and in an archive. `text` alone changes what git
# takes in; where ends of lines are LF, as for every judge of this gate, it hands out what it has.
_CHANGING = {
    *("export-subst", "export-ignore", "filter", "ident", "working-tree-encoding", "encoding", "eol", "crlf"),
}


@dataclass(frozen=True)
class Tree:
    """The files of a commit by name, what its links name, and where it has submodules."""

    files: Mapping[str, bytes] = field(repr=False)
    links: Mapping[str, str]
    submodules: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name in it."""
        return (*self.files, *self.links, *self.submodules)


@dataclass(frozen=True)
class Odd:
    """What of a tree is no plain file of one name. `fact` is what is wrong, in a few words."""

    file: str
    message: str
    fact: str


def read(repository: Path, commit: str) -> Tree:
    """The tree of a commit. Raises ToolError where git has none, or can't read all of it."""
    listed = _git(repository, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")[:-1]
    entries = []
    for row in listed:
        about, _, name = row.partition(b"\t")
        mode, _, digest = about.decode().split()
        entries.append((mode, digest, os.fsdecode(name)))
    wanted = dict.fromkeys(digest for mode, digest, _ in entries if mode != _SUBMODULE)
    contents = _contents(repository, tuple(wanted))
    return Tree(
        {name: contents[digest] for mode, digest, name in entries if mode not in (_LINK, _SUBMODULE)},
        {name: os.fsdecode(contents[digest]) for mode, digest, name in entries if mode == _LINK},
        tuple(name for mode, _, name in entries if mode == _SUBMODULE),
    )


@dataclass(frozen=True)
class Index:
    """What git would commit of a work tree beyond what is judged: submodules, and what lies among leftovers."""

    submodules: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()


def index(folder: Path) -> Index:
    """The index of the repository whose work tree is `folder`; an empty one in a folder that is no repository.

    Of what lies in the latter nothing is built.
    """
    try:
        listed = _git(folder, "ls-files", "--stage", "-z").split(b"\0")[:-1]
    except ToolError:
        return Index()
    rows = [(about, os.fsdecode(name)) for about, _, name in (row.partition(b"\t") for row in listed)]
    return Index(
        tuple(name for about, name in rows if about.startswith(_SUBMODULE.encode())),
        tuple(name for _, name in rows if is_leftover(name)),
    )


def is_leftover(file: str) -> bool:
    """Whether a file lies where no rule looks, on a Mac and on Windows however it is spelled."""
    steps = file.casefold().split("/")
    return (
        steps[0] in NOT_AT_TOP
        or steps[0].startswith(".coverage")
        or not NOWHERE.isdisjoint(steps)
        or steps[-1].endswith(".pyc")
    )


def write(tree: Tree, folder: Path) -> None:
    """Write a tree's files and links into a new folder. The tree must have nothing odd."""
    for name, content in tree.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, target in tree.links.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)


def check(tree: Tree, shipped: Collection[str]) -> None:
    """Raises ConfigurationError where what is built of a tree could be other bytes than were reviewed.

    `shipped` are the folders of the application's code.
    """
    for one in odd(tree.names, tree.links, tree.submodules, shipped):
        raise ConfigurationError(f"{one.file} {one.message}.", "Run: pipeline policy")
    for name, content in tree.files.items():
        if is_attributes(name):
            for line, word, why in changing(content.decode(errors="replace")):
                raise ConfigurationError(f"{name}:{line}: {word}: {why}.", "Take the attribute out.")


def is_attributes(file: str) -> bool:
    """Whether git takes a file for attributes; on a Mac and on Windows however it is spelled."""
    return file.rpartition("/")[2].casefold() == ATTRIBUTES


def changing(text: str) -> Iterator[tuple[int, str, str]]:
    """The line, pattern and attribute, and reason, of what has git hand out other bytes than it keeps.

    One that is unset (`-name`, `!name`) changes nothing. Source: https://git-scm.com/docs/gitattributes
    """
    for line, pattern, words in attributes(text):
        for word in words:
            name = word.partition("=")[0]
            if name in _CHANGING:
                yield line, f"{pattern} {word}", f"{name} makes git hand out other bytes than were reviewed"


def attributes(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """The rows of a file of attributes: the line, the pattern, and what it sets."""
    for line, row in enumerate(text.split("\n"), 1):
        pattern = _PATTERN.match(row := row.lstrip(" \t"))
        if pattern is not None and not pattern[0].startswith("#"):
            yield line, pattern[0], row[pattern.end() :].split()


def odd(
    names: Collection[str], links: Mapping[str, str], submodules: Collection[str], shipped: Collection[str]
) -> Iterator[Odd]:
    """What is no plain file of one name: links that lead out, submodules, names that some system takes for others.

    `shipped` are folders in which no link may lead to a folder: what lies behind it, nobody judges under that name.
    """
    for name in submodules:
        yield Odd(
            name, "is a submodule: its content is another repository's, which nobody reviewed", "submodule"
        )
    yield from _clashes(names)
    for name in filter(is_leftover, names):
        message = "lies where tools put what they make: no rule looks there, and it may run"
        yield Odd(name, message, "among leftovers")
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents} - {"."}
    for name, target in links.items():
        end = _end(name, links)
        if end is None:
            yield Odd(
                name, f"is a link to {target!r}, which leads out of the repository", f"link to {target}"
            )
        elif end not in names and end not in folders:
            yield Odd(name, f"is a link to {target!r}, where nothing is", f"link to {target}")
        elif end in folders and any(f"{name}/".startswith(f"{one}/") for one in shipped):
            yield Odd(name, f"is a link to the folder {end}, in code that ships", f"link to {target}")


def _clashes(names: Collection[str]) -> Iterator[Odd]:
    """Names that git, or some file system, takes for others."""
    known: dict[str, tuple[str, bool]] = {}
    for name in names:
        steps = name.split("/")
        if any(step.casefold() in ("", ".", "..", ".git") for step in steps) or not _readable(name):
            yield Odd(_shown(name), "has a name that no repository should hold", "name")
            continue
        for end in range(1, len(steps) + 1):
            here, last = "/".join(steps[:end]), end == len(steps)
            other, is_file = known.setdefault(_alike(here), (here, last))
            if other != here or is_file != last:
                yield Odd(name, f"has a name that some systems take for {other}", f"name like {other}")
                break


def _alike(name: str) -> str:
    """A name as a Mac or Windows tells it from others: neither by case nor by how a letter is composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _readable(name: str) -> bool:
    return _shown(name) == name


def _shown(name: str) -> str:
    return name.encode(errors="replace").decode()


def _end(name: str, links: Mapping[str, str]) -> str | None:
    """Where a link ends; None where it leads out of the tree, or in a circle."""
    at, steps, followed = name.split("/"), deque[str](), 0
    while True:
        if (target := links.get("/".join(at))) is not None:
            followed += 1
            if target.startswith("/") or followed > _MOST_LINKS:
                return None
            at.pop()
            steps.extendleft(reversed(target.split("/")))
        if not steps:
            return "/".join(at)
        step = steps.popleft()
        if step == ".." and not at:
            return None
        if step == "..":
            at.pop()
        elif step not in ("", "."):
            at.append(step)


def _contents(repository: Path, digests: tuple[str, ...]) -> dict[str, bytes]:
    """The content of each object. Raises ToolError where git lacks one."""
    done = _git(repository, "cat-file", "--batch", given="".join(f"{one}\n" for one in digests).encode())
    found, start = {}, 0
    for digest in digests:
        end = done.find(b"\n", start)
        about = done[start:end].split()
        if len(about) != 3 or about[:2] != [digest.encode(), b"blob"]:
            raise ToolError(
                f"git has no file {digest} here: {done[start:end].decode(errors='replace')!r}.",
                "Clone the repository anew.",
            )
        start = end + 1 + int(about[2]) + 1
        found[digest] = done[end + 1 : start - 1]
    return found


def _git(repository: Path, *words: str, given: bytes = b"") -> bytes:
    """What git prints, to the byte, heeding no object that this clone puts in the place of another."""
    done = subprocess.run(
        ["git", "--no-replace-objects", *words],  # noqa: S607 - git is found on the path, as everywhere
        cwd=repository,
        env=kept(os.environ),
        input=given,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise ToolError(f"git {words[0]} failed: {done.stderr.decode(errors='replace').strip()}.")
    return done.stdout
