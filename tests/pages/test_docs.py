"""The documents say what is so: commands, options, tree, links, decisions."""

import argparse
import contextlib
import dataclasses
import datetime as dt
import io
import re
import shlex
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.run import CHECKOUT
from pipeline.gate import fixtures, waivers
from pipeline.gate.engines import own
from pipeline.gate.findings import Finding
from pipeline.gate.rules import load
from pipeline.report.controls import titles
from pipeline.source import application
from pipeline.source.located import parse
from sandbox import __main__ as sandbox
from tests import documented

__test__ = documented.ENGINES_OWN
TOP = CHECKOUT
OWN = {
    folder.partition("/")[0] for folder in application.read(TOP).folders
}  # a team's code may lie where it likes
MAKEFILE = (TOP / "Makefile").read_text(encoding="utf-8")
_NOT_OURS = {"build", "policies", "tests/golden/sample"}  # what is built, and what rules show


def _pages() -> Iterator[Path]:
    for folder, folders, names in TOP.walk():
        inside = (folder / one for one in folders if not one.startswith(".") or one == ".github")
        folders[:] = sorted(one.name for one in inside if one.relative_to(TOP).as_posix() not in _NOT_OURS)
        yield from (folder / name for name in sorted(names) if name.endswith(".md"))


PAGES = {path.relative_to(TOP).as_posix(): path.read_text(encoding="utf-8") for path in _pages()}
README = PAGES.get("README.md", "")
ADRS = sorted((TOP / "docs" / "adr").glob("*.md"))


def commands(text: str, start: str) -> set[str]:
    """What stands behind `start` in code: in `code` or in a line of a code block, comments left out."""
    found = set()
    for block in re.findall(r"^ *```[a-z]*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        found |= set(re.findall(rf"^\s*(?:\$ )?{start} ([^#\n]*)", block, re.MULTILINE))
    inline = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    found |= set(re.findall(rf"`{start} ([^`\n]+)`", inline))
    return {one.strip() for one in found}


def parses(words: str) -> bool:
    """Whether `pipeline WORDS` is a command with options that it knows."""
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            cli._parse(shlex.split(words))
        except SystemExit as end:
            return end.code == 0
    return True


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    heads = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head).lower() for head in heads)
    return {re.sub(r"[^\w\- ]", "", head).replace(" ", "-") for head in plain}


def tree() -> dict[str, str]:
    """The README's tree: each path with what is said of it."""
    block = re.search(r"## The tree\n```\n(.*?)```", README, re.DOTALL)
    assert block is not None
    return dict(re.findall(r"^(\S+)  +(.+)$", block[1], re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_documented_commands_exist(page: str) -> None:
    """Each `pipeline` command line in the documents is one that the command takes; a mere name is one of its."""
    documented = commands(PAGES[page], "bin/pipeline") | commands(PAGES[page], "pipeline")

    assert [] == [one for one in sorted(documented) if one not in cli.COMMANDS and not parses(one)]


@pytest.mark.parametrize("page", [one for one in PAGES if one != "CHANGELOG.md"])
def test_documented_commands_of_the_sandbox_exist(page: str) -> None:
    """Each `python -m sandbox` line in the documents is one that it takes, placeholders filled."""
    documented = commands(PAGES[page], r"(?:eval \"\$\()?(?:\.venv/bin/)?python -m sandbox")
    filled = {
        re.sub(r"\[[^\]]*\]|NUMBER", lambda one: "1" if one[0] == "NUMBER" else "", one) for one in documented
    }

    assert [] == [one for one in sorted(filled) if not _taken(one.replace(')"', ""))]


def _taken(words: str) -> bool:
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            sandbox._parser().parse_args(shlex.split(words))
        except SystemExit as end:
            return end.code == 0
    return True


def test_the_sandbox_documents_every_command() -> None:
    """The page's table is the command's own list, but for what stands in the first lines of the page."""
    page = PAGES["docs/sandbox.md"]
    (commands_of,) = [
        one for one in sandbox._parser()._actions if isinstance(one, argparse._SubParsersAction)
    ]
    explained = {one.dest for one in commands_of._choices_actions}

    assert explained - {"up", "down", "status", "demo"} == set(
        re.findall(r"^\| `python -m sandbox ([a-z]+)", page, re.MULTILINE)
    )


@pytest.mark.parametrize("page", PAGES)
def test_documented_targets_exist(page: str) -> None:
    """Each `make` target in the documents is one of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    documented = {
        word
        for line in commands(PAGES[page], "make")
        for word in line.split()
        if re.fullmatch("[a-z-]+", word)
    }

    assert set() == documented - targets


def test_every_target_is_explained() -> None:
    """`make help` says of each target what it does, but for the parts of install that only workflows call."""
    phony = {word for line in re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE) for word in line.split()}
    explained = set(re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.MULTILINE))
    quiet = {one for one in phony if one.startswith((".", "install-")) or one == "help"}

    assert phony - quiet <= explained


def test_readme_lists_every_command() -> None:
    """The README's table is the command's own list: the same commands, in the same order and words."""
    rows = re.findall(r"^\| `bin/pipeline ([a-z]+)[^`]*` \| (.+) \|$", README, re.MULTILINE)

    assert list(cli.COMMANDS.items()) == rows


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_explains_every_option(name: str) -> None:
    """`pipeline COMMAND --help` has words for each option."""
    parser = argparse.ArgumentParser()
    cli.module(name).arguments(parser)
    options = [action for action in parser._actions if action.option_strings]

    assert [] == [action.option_strings for action in options if not action.help]


def test_readme_names_the_exit_codes() -> None:
    """The README tells the three exit codes."""
    assert all(f"**{code}**" in README for code in (0, 1, 2))


def test_tree_is_in_step() -> None:
    """Each path of the README's tree exists, and each folder with something of ours stands in it."""
    missing = [path for path in tree() if not (TOP / path).exists()]
    folders = {
        path.name
        for path in TOP.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.name not in ("build", "bin", *OWN)
        if any(one.is_file() and "__pycache__" not in one.parts for one in path.rglob("*"))
    }

    assert [] == missing
    assert set() == folders - {path.split("/")[0] for path in tree()}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Each link within the repository has its file, and its heading if it names one."""
    broken = []
    text = re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (TOP / page).parent / path if path else TOP / page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)

    assert [] == broken


@pytest.mark.parametrize("page", PAGES)
def test_decisions_are_named_by_their_number(page: str) -> None:
    """`ADR 7` is a decision that there is, and leads to that one where it leads somewhere."""
    numbers = {int(one.name[:4]) for one in ADRS}
    links = re.findall(r"\[ADR (\d+)\]\(\S*?(\d{4})-", PAGES[page])

    assert [] == [one for one in re.findall(r"ADR (\d+)", PAGES[page]) if int(one) not in numbers]
    assert [] == [one for one in links if int(one[0]) != int(one[1])]


def test_decisions_are_numbered_once() -> None:
    """The decisions count from 0001 on, without a gap and without a number twice."""
    expected = [f"{number:04}" for number in range(1, len(ADRS) + 1)]

    assert expected == [path.name[:4] for path in ADRS]


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.stem)
def test_decision_has_its_parts(path: Path) -> None:
    """A decision says in what context it was made, what it is, and what follows; its title has its number."""
    text = path.read_text(encoding="utf-8")
    parts = [
        head
        for head in re.findall(r"^## (\w+)", text, re.MULTILINE)
        if head in ("Context", "Decision", "Consequences")
    ]

    assert ["Context", "Decision", "Consequences"] == parts
    assert re.match(rf"# (ADR )?0*{int(path.name[:4])}\b", text)


def blocks(page: str, heading: str) -> dict[str, str]:
    """The code blocks of a section, by language, their indent taken off."""
    section = PAGES[page].split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"^( *)```([a-z]+)\n(.*?)^ *```", section, re.MULTILINE | re.DOTALL)
    return {language: textwrap.dedent(text) for _, language, text in found}


def test_recipe_of_a_rule_works(tmp_path: Path) -> None:
    """The rule in CONTRIBUTING loads as it stands there, and reports the line that its example marks."""
    recipe = blocks("CONTRIBUTING.md", "Add a rule")
    folder = tmp_path / "policies" / "lambda" / "memory_bounded"
    folder.mkdir(parents=True)
    for name, language in (("rule.toml", "toml"), ("rule.py", "python"), ("bad.yaml", "yaml")):
        (folder / name).write_text(recipe[language], encoding="utf-8")
    (rule,) = load(tmp_path / "policies")
    project = fixtures.project(rule, folder / "bad.yaml")

    assert fixtures.marked(project) == {(one.file, one.line) for one in own.apply(rule, project)}
    assert 1 == len(fixtures.marked(project))
    assert set(rule.controls) <= {f"{key} {number}" for key, known in titles().items() for number in known}


def test_recipe_of_a_waiver_works() -> None:
    """The waiver in CONTRIBUTING is one that holds until its day, and covers a finding of its rule."""
    document = parse(blocks("CONTRIBUTING.md", "Waive a finding")["toml"], waivers.FILE)
    day = document.data["waiver"][0]["expires"]
    valid, faults = waivers.read(document, day - dt.timedelta(days=30))
    finding = Finding(
        rule="memory_bounded",
        title="",
        severity="low",
        tool="pipeline",
        file="template.yaml",
        line=1,
        resource="AppFunction",
        fact="MemorySize",
        message="",
    )

    assert [] == faults
    assert valid[0].covers(dataclasses.replace(finding, environment="prod"))
    assert not valid[0].covers(dataclasses.replace(finding, environment="dev"))
    assert [] != waivers.read(document, day + dt.timedelta(days=1))[1]


def test_the_documented_application_is_one_that_is_read() -> None:
    """The table that a team copies is taken as it stands, and holds every key there is."""
    (block,) = re.findall(r"```toml\n(\[application\]\n.*?)```", PAGES["docs/your-application.md"], re.DOTALL)
    described, faults = application.settle(tomllib.loads(block))
    own = application.settle(tomllib.loads((TOP / "samconfig.toml").read_text(encoding="utf-8")))[0]

    assert [] == faults
    assert ("shop", ["app"]) == (described.name, list(described.code))
    assert own.code["app"] == described.code["app"]
