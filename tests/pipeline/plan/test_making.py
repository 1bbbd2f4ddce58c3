"""pipeline plan: which commits are compared, and what is printed."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.base import github
from pipeline.base.errors import ConfigurationError
from pipeline.base.run import CHECKOUT
from pipeline.gate import baseline
from pipeline.plan import making, markdown
from pipeline.plan.model import Change, Effect, Plan
from pipeline.source import settings
from tests.pipeline.bundles import Repository

FILES = {name: (CHECKOUT / name).read_text() for name in ("template.yaml", "samconfig.toml")}
DIGESTS = {"app.zip": ("a" * 64, "b" * 64)}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository whose main holds this one's template, on a branch that has left it."""
    made = Repository(tmp_path / "clone")
    made.commit("all", FILES)
    made.git("checkout", "--quiet", "-b", "feature")
    monkeypatch.chdir(made.folder)
    monkeypatch.setattr(making, "_code", lambda *_: DIGESTS)
    return made


def edit(repository: Repository, old: str, new: str) -> None:
    assert old in FILES["template.yaml"]
    repository.commit("edit", {"template.yaml": FILES["template.yaml"].replace(old, new)})


def test_only_what_the_branch_changed_is_planned(repository: Repository) -> None:
    """What main did since is no part of it, although the branch lacks it."""
    edit(repository, "Timeout: 60", "Timeout: 61")
    repository.git("checkout", "--quiet", "main")
    edit(repository, "Timeout: 300", "Timeout: 301")
    repository.git("checkout", "--quiet", "feature")
    plan = making.make(repository.folder, "main")

    assert ["dev", "prod"] == [effect.environment for effect in plan.effects]
    assert [["RotationFunction"], ["RotationFunction"]] == [
        [one.resource for one in effect.changes if not one.indirect] for effect in plan.effects
    ]


def test_the_json_is_whole(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Machines get every change, its causes, its place, and the dangers."""
    edit(repository, "QueueName: !Sub ${AWS::StackName}-dead-letters", "QueueName: other")
    status = cli.main(["plan", "--base", "main", "--format", "json"])
    found = json.loads(capsys.readouterr().out)
    queue = next(one for one in found["environments"][0]["changes"] if one["resource"] == "DeadLetterQueue")

    assert 0 == status
    assert ("replace", ["QueueName"]) == (queue["action"], queue["causes"])
    assert {"before": "a" * 64, "after": "b" * 64, "changed": True} == found["code"]["app.zip"]
    assert found["environments"][0]["dangers"]


def test_dangers_come_first(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """A danger of both environments is said once."""
    edit(repository, "QueueName: !Sub ${AWS::StackName}-dead-letters", "QueueName: other")
    cli.main(["plan", "--base", "main"])
    text = capsys.readouterr().out

    assert text.index("### Look at these") < text.index("### dev") < text.index("### prod")
    assert 1 == text.count("holds what can't be made again")
    assert "(dev, prod)" in text


def test_bootstrap_and_migrations_are_noted(repository: Repository) -> None:
    """What no change set shows: an administrator's work, and the schema's."""
    repository.commit(
        "both", {"bootstrap/template.yaml": "Resources: {}\n", "app/migrations/0002_more.sql": "SELECT 1;\n"}
    )
    notes = making.make(repository.folder, "main").notes

    assert "an administrator of each account has to deploy it" in notes[0]
    assert "Schema migration: A app/migrations/0002_more.sql" == notes[1]


def test_rules_that_are_loosened_are_shown(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against the base: what was looser there already, or is stricter now, is no part of it."""
    repository.git("checkout", "--quiet", "main")
    repository.commit("old", {settings.FILE: "[days]\nlogs = 7\nkey_deletion = 7\n"})
    repository.git("checkout", "--quiet", "-B", "feature")
    new = "open_routes = ['GET /<b>']\n[days]\nlogs = 3\nkey_deletion = 14\n"
    repository.commit("new", {settings.FILE: new, baseline.FILE: "app/x.py: misc: old code\n"})
    cli.main(["plan", "--base", "main", "--format", "json"])
    found = json.loads(capsys.readouterr().out)["loosened"]
    cli.main(["plan", "--base", "main"])
    text = capsys.readouterr().out

    assert [
        {"setting": "days.logs", "before": "7", "after": "3"},
        {"setting": "open_routes", "before": "nothing", "after": "GET /<b>"},
        {
            "setting": baseline.FILE,
            "before": "0 findings",
            "after": "1 findings, new ones: app/x.py: misc: old code",
        },
    ] == found
    assert text.index("### Rules that are loosened") < text.index("days.logs") < text.index("### dev")
    assert "<b>" not in text


def test_an_unchanged_gate_is_not_mentioned(repository: Repository) -> None:
    """Nor one that holds more than before."""
    edit(repository, "Timeout: 60", "Timeout: 61")
    repository.commit("stricter", {settings.FILE: "[days]\nlogs = 30\n"})
    plan = making.make(repository.folder, "main")

    assert () == plan.loosened
    assert "loosened" not in markdown.render(plan)


def test_uncommitted_changes_are_told_apart(repository: Repository) -> None:
    """A plan is of commits."""
    (repository.folder / "template.yaml").write_text("Resources: {}\n")

    assert "not committed" in making.make(repository.folder, "main").notes[-1]


@pytest.mark.parametrize("ref", ["nowhere", "--all", "HEAD:template.yaml"])
def test_an_unknown_base_is_named(repository: Repository, ref: str) -> None:
    """Also one that looks like an option."""
    with pytest.raises(ConfigurationError, match="have no common commit here"):
        making.make(repository.folder, ref)


def test_hostile_names_stay_text() -> None:
    """A template of a stranger's pull request can't write Markdown, HTML or mentions into the comment."""
    evil = "x|<img src=y>@team[a](b)`\n# title"
    plan = Plan(
        "a" * 40, "b" * 40, (Effect("dev", (Change("add", evil, evil, (evil,), 1),)),), DIGESTS, (evil,)
    )
    text = markdown.render(plan)

    assert "<img" not in text
    assert "@team" not in text
    assert "\n# title" not in text
    assert not any(line.startswith("| add") and line.count(" | ") != 4 for line in text.splitlines())


def test_a_huge_plan_fits_into_a_comment() -> None:
    """GitHub refuses more than 65,536 characters; what is cut is said."""
    changes = tuple(
        Change("add", f"Resource{number}", "AWS::SQS::Queue", ("x" * 60,), 1) for number in range(2000)
    )
    text = markdown.render(Plan("a" * 40, "b" * 40, (Effect("dev", changes),), DIGESTS))

    assert len(text) < 65_000
    assert text.endswith("the whole plan is in the run's files.\n")


class Answers:
    """GitHub's API in memory: the comments of one pull request."""

    def __init__(self, *bodies: str) -> None:
        self.comments = [{"id": number, "body": body} for number, body in enumerate(bodies)]
        self.asked: list[str] = []

    def ask(self, method: str, path: str, body: Any) -> Any:
        self.asked.append(method)
        if method == "GET":
            return self.comments if "page=1" in path else []
        if method == "POST":
            self.comments.append({"id": len(self.comments), "body": body["body"]})
        else:
            self.comments[int(path.rsplit("/", 1)[1])]["body"] = body["body"]
        return {}


@pytest.fixture
def event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))


@pytest.mark.usefixtures("event")
def test_the_comment_is_kept_and_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run writes it, later ones write over it; other people's comments stay."""
    answers = Answers("a person's")
    monkeypatch.setattr(github, "_ask", answers.ask)
    github.comment_once("<!-- mark -->", "one")
    github.comment_once("<!-- mark -->", "two")

    assert ["a person's", "<!-- mark -->\ntwo"] == [one["body"] for one in answers.comments]


@pytest.mark.usefixtures("event")
def test_a_forks_token_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may read only: the plan is in the summary, and the step passes."""

    def refuse(*_: object) -> None:
        raise github._RefusedError("GitHub refused POST with 403.")

    monkeypatch.setattr(github, "_ask", refuse)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    github.comment_once("<!-- mark -->", "one")

    assert "GitHub refused POST with 403. The step's summary holds the plan." in capsys.readouterr().err


def test_without_a_pull_request_a_comment_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A push has nothing to comment on."""
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)

    with pytest.raises(ConfigurationError, match="for no pull request"):
        github.comment_once("<!-- mark -->", "one")
