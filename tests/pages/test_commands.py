"""Each command of README.md and docs/*.md runs in a test, or stands in one list here with the reason why not."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import botocore.session
import pytest
from botocore import xform_name

from pipeline.base.run import CHECKOUT
from tests import documented
from tests.app.test_without_ledger import LEDGER
from tests.stacks import source

__test__ = documented.ENGINES_OWN
TOP = CHECKOUT
_DOCS = sorted(path.relative_to(TOP).as_posix() for path in (TOP / "docs").glob("*.md"))
PAGES = ("README.md", "CONTRIBUTING.md", "bootstrap/README.md", *_DOCS)
FOLLOWED = (
    "docs/first-day.md"  # whose fenced commands a proof takes from the page: tests/proofs/test_adoption.py
)
_PROGRAMS = "pipeline|make|git|python|aws|pre-commit|gh|sam|curl|eval|cp|tar|act|uv"
_BEGINS = re.compile(rf"(?:[A-Z_]+=\S+(?: \S+\)\")? )*(?:\S*/)?(?:{_PROGRAMS}) \S")


@dataclass(frozen=True)
class Tried:
    """Where commands of a shape run: a file of tests, and what in its text runs them."""

    shape: str
    file: str
    by: str


@dataclass(frozen=True)
class Listed:
    """Commands of a shape that no test runs, and why."""

    shape: str
    why: str


_ADOPTION, _PACKAGE = "tests/proofs/test_adoption.py", "tests/proofs/test_adoption_of_a_package.py"
_NEWCOMER, _RELEASES, _DESK = (
    "tests/proofs/newcomer.py",
    "tests/e2e/test_releases.py",
    "tests/sandbox/test_desk.py",
)
_ANY = r"(?: .*)?"
TRIED = (
    Tried(r"make demo(?: KEEP=1)?", "tests/e2e/test_story.py", "story.tell("),
    Tried(r"make demo ACTION=\S+", "tests/sandbox/test_main.py", "--action"),
    Tried(r"make (?:test|test-all)", ".ci/run", "make test-all"),
    Tried(r"make drawn", ".ci/run", "make drawn"),
    Tried(r"make (?:install|lock|format)", _PACKAGE, "make lock; make install; make format"),
    Tried(r"make up", _PACKAGE, "make up"),
    Tried(r"make (?:down|clean)", _NEWCOMER, "make down; make clean"),
    Tried(r"pipeline init", "tests/pipeline/test_init.py", '"init"'),
    Tried(r"pipeline doctor(?: \[ENV\])?", "tests/pipeline/doctor/test_local.py", '"doctor"'),
    Tried(r"pipeline doctor prod", "tests/pipeline/doctor/test_account.py", '"doctor"'),
    Tried(r"pipeline routes(?: --write)?", "tests/pipeline/test_routes.py", '["routes", "--write"]'),
    Tried(
        r"(?:git switch -c upgrade && git status|git diff|pipeline upgrade .*)",
        "tests/pipeline/test_upgrade.py",
        '"upgrade"',
    ),
    Tried(r"pipeline check", "bin/drawn.py", '"check"'),
    Tried(r"pipeline (?:lint|policy)", "tests/pipeline/gate/test_command.py", '"policy"'),
    Tried(r"pipeline lint --base REF", "tests/pipeline/gate/test_command.py", '"check", "lint", "test"'),
    Tried(r"pipeline test(?: --base REF)?", "tests/policies/test_role_jobs.py", "bin/pipeline test"),
    Tried(r"pipeline rules(?: \[?ID\]?)?", "tests/pipeline/report/test_rules.py", '"rules"'),
    Tried(r"pipeline baseline(?: .*)?", "tests/pipeline/gate/test_baseline.py", '"baseline"'),
    Tried(r"pipeline waivers", "tests/pipeline/gate/test_list_waivers.py", '"waivers"'),
    Tried(r"pipeline trust", "tests/pipeline/trust/test_command.py", '"trust"'),
    Tried(r"pipeline plan(?: --base \S+)?", "tests/pipeline/plan/test_making.py", '"plan"'),
    Tried(r"pipeline bootstrap(?: --write| --output \S+)?", "tests/pipeline/test_grants.py", '"bootstrap"'),
    Tried(r"pipeline bundle", _RELEASES, '"bundle"'),
    Tried(r"pipeline environment ENV", "tests/pipeline/test_environment.py", '"environment"'),
    Tried(r"pipeline deploy ENV --bundle DIGEST", _RELEASES, '"deploy"'),
    Tried(r"pipeline promote(?: TAG .*)?", _RELEASES, '"promote"'),
    Tried(r"pipeline rollback ENV VERSION(?: --dry-run)?", _RELEASES, '"rollback"'),
    Tried(r"pipeline withdraw(?: ENV .*)?", _RELEASES, '"withdraw"'),
    Tried(r"pipeline freeze ENV .*", "tests/pipeline/test_freeze.py", '"freeze"'),
    Tried(r"pipeline drift(?: ENV| dev)?", _ADOPTION, "drift dev"),
    Tried(r"pipeline passport(?: TAG| verify)", "tests/pipeline/test_passport.py", '["passport", "verify"'),
    Tried(r"pipeline ledger (?:open ENV|verify (?:ENV|dev))", _RELEASES, '"ledger"'),
    Tried(r"pipeline status(?: ENV(?: --profile ENV=NAME)?| dev)?", _ADOPTION, "status dev"),
    Tried(r"python -m sandbox (?:push|pr|approve|merge|tag|dispatch|logs)" + _ANY, _DESK, "command.main(["),
    Tried(r'(?:python -m sandbox env dev|eval "\$\(python -m sandbox env dev\)")', _ADOPTION, "eval "),
    Tried(r"python -m sandbox open dev", _NEWCOMER, 'sandbox(f"open {environment}")'),
    Tried(r"python -m sandbox (?:up --port 4566|status)", "tests/sandbox/test_main.py", "command.main(["),
    Tried(r"curl .*", _ADOPTION, '"curl"'),
    Tried(r"git (?:fetch|pull)", "tests/sandbox/github/test_repository.py", '["fetch"], ["pull", "--quiet"]'),
    Tried(r"git rm -r .*", _PACKAGE, "Keep the ledger, or take it out"),
)
LISTED = (
    Listed(r"make fresh", "each command of .ci/run is run by the same program; this does four, in two hours"),
    Listed(r"make proofs", "it is the proofs at length, in two hours, of which CI runs the shorter"),
    Listed(
        r"make (?:check|test-fast|docs)",
        "a change of CI's own: its tests and rules are those of make test-all",
    ),
    Listed(r"(?:[A-Z_]+=\S+ )?python -m pytest .*", "tests that are run as they are"),
    Listed(r"python -m benchmarks\.\w+", "it measures; what it compares is tried in tests/benchmarks"),
    Listed(
        r"make certificates", "it fetches anew what Amazon publishes, whose digests are in the repository"
    ),
    Listed(r"aws .*", "an account of AWS"),
    Listed(r"sam build", "a program that is measured against"),
    Listed(
        r"GITHUB_TOKEN=\S+ auth token\)\" pipeline github setup|pipeline github (?:setup|check)",
        "a repository on GitHub",
    ),
    Listed(r"gh api .*", "a repository on GitHub"),
    Listed(
        r"pre-commit install",
        "it writes into the repository's own .git; its hooks are run by tests/test_world.py",
    ),
    Listed(r"git tag -a v1\.0\.0 .*", "a repository on GitHub"),
    Listed(r"pipeline release verify TAG", "a workflow's"),
)


def plain(command: str) -> str:
    """A command without the folder of its program, its comment and what stands before it in a console."""
    command = re.sub(r"^\$ |\s+#.*$", "", command.strip())
    return re.sub(
        r"(?<![\w/.])(?:\.venv/bin/|\.tools/uv/bin/|bin/)(?=pipeline|python|pre-commit)", "", command
    )


def commands(page: str) -> Iterator[str]:
    """The commands of a page: in fences, unless a proof follows them there, and in lines of text."""
    text = (TOP / page).read_text(encoding="utf-8")
    for block in documented.blocks(text):
        if block.language in ("", *documented.SHELL) and page != FOLLOWED:
            yield from filter(_BEGINS.match, map(plain, re.sub(r"\\\n\s*", "", block.text).splitlines()))
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from filter(_BEGINS.match, map(plain, re.findall(r"`([^`\n]+)`", prose)))


EVERY = sorted({(page, command) for page in PAGES if (TOP / page).exists() for command in commands(page)})


@pytest.mark.parametrize(("page", "command"), EVERY)
def test_every_command_is_tried(page: str, command: str) -> None:
    """A command that no entry here knows isn't tried: add where it runs, or why it can't."""
    known = [one for one in (*TRIED, *LISTED) if re.fullmatch(one.shape, command)]

    assert 1 == len(known), f"{page} has `{command}`"


@pytest.mark.parametrize("entry", [*TRIED, *LISTED], ids=lambda one: one.shape)
def test_every_entry_is_of_a_command(entry: Tried | Listed) -> None:
    """What no page has any more leaves the lists."""
    assert [] != [command for _, command in EVERY if re.fullmatch(entry.shape, command)]


@pytest.mark.parametrize("entry", TRIED, ids=lambda one: one.shape)
def test_where_it_runs(entry: Tried) -> None:
    """The file of tests has what runs it."""
    assert entry.by in (TOP / entry.file).read_text(encoding="utf-8")


def _options(words: list[str]) -> list[str]:
    return [one for one in words if one.startswith("--")]


@pytest.mark.parametrize("command", sorted({one for _, one in EVERY if one.startswith("aws ")}))
def test_what_needs_an_account_is_one_that_aws_knows(command: str) -> None:
    """The service, the operation and each parameter are in botocore's data, which the AWS command is made of; what
    that has besides, `deploy`, gives the bootstrap its own parameters. Words in capitals stand for a name."""
    _, service, operation, *words = shlex.split(command)
    if (service, operation) == ("cloudformation", "deploy"):
        assert (
            "build/bootstrap.json" == words[words.index("--template-file") + 1]
        )  # `pipeline bootstrap --output`
        template = source("bootstrap/template.yaml")
        given = {one.partition("=")[0] for one in words if re.match(r"[A-Za-z]+=", one)}

        assert given <= set(template["Parameters"])
        assert {name for name, one in template["Parameters"].items() if "Default" not in one} <= given
        return
    model = botocore.session.get_session().get_service_model(service)
    (found,) = [one for one in model.operation_names if xform_name(one, "-") == operation]
    shape = model.operation_model(found).input_shape
    members = {xform_name(one, "-") for one in (shape.members if shape else ())}
    known = members | {"query", "output", "region", *(f"no-{one}" for one in members)}

    assert [] == [one for one in _options(words) if one.removeprefix("--") not in known]


@pytest.mark.parametrize(
    "command", sorted({one for _, one in EVERY if re.search(r"python -m (?:pytest|benchmarks)", one)})
)
def test_what_measures_or_tests_is_there(command: str) -> None:
    """Each file of tests, and each module, exists; tests named by their file have the mark that is asked for.

    What goes with the ledger is gone where a team took it out, and the documents are not.
    """
    if not (TOP / LEDGER[0]).exists() and any(
        one.removesuffix(".py").replace("/", ".") in command.replace("/", ".") for one in LEDGER
    ):
        return
    words = shlex.split(re.sub(r"^[A-Z_]+=\S+ ", "", command))
    if words[2] != "pytest":
        assert "__main__" in (TOP / f"{words[2].replace('.', '/')}.py").read_text(encoding="utf-8")
        return
    for file in (TOP / one for one in words if one.startswith("tests/")):
        assert file.exists()
        assert "proof" not in words or "mark.proof" in file.read_text(encoding="utf-8")
