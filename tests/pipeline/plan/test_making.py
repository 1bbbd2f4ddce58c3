"""pipeline plan: which commits are compared, and what is printed."""

import json
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.errors import ConfigurationError
from pipeline.gate import baseline
from pipeline.plan import judging, making, markdown
from pipeline.plan.model import Change, Effect, Plan, Policy
from pipeline.source import settings
from tests.pipeline.bundles import Repository
from tests.pipeline.shop import FILES, edited

DIGESTS = {"app.zip": ("a" * 64, "b" * 64)}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository whose main holds an application, on a branch that has left it."""
    made = Repository(tmp_path / "clone")
    made.commit("all", FILES)
    made.git("checkout", "--quiet", "-b", "feature")
    monkeypatch.chdir(made.folder)
    monkeypatch.setattr(making, "_code", lambda *_: DIGESTS)
    monkeypatch.setattr(judging, "between", lambda *_: Policy())
    return made


def edit(repository: Repository, old: str, new: str) -> None:
    repository.commit("edit", {"template.yaml": edited((old, new))})


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

    assert text.index("### Look at these") < text.index("<b>dev</b>") < text.index("<b>prod</b>")
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
    new = "open_routes = ['GET /<i>']\n[days]\nlogs = 3\nkey_deletion = 14\n"
    repository.commit("new", {settings.FILE: new, baseline.FILE: "app/x.py: misc: old code\n"})
    cli.main(["plan", "--base", "main", "--format", "json"])
    found = json.loads(capsys.readouterr().out)["loosened"]
    cli.main(["plan", "--base", "main"])
    text = capsys.readouterr().out

    assert [
        {"setting": "days.logs", "before": "7", "after": "3"},
        {"setting": "open_routes", "before": "nothing", "after": "GET /<i>"},
        {
            "setting": baseline.FILE,
            "before": "0 findings",
            "after": "1 findings, new ones: app/x.py: misc: old code",
        },
    ] == found
    assert (
        text.index("### Rules that are loosened") < text.index("days.logs") < text.index("<b>dev, prod</b>")
    )
    assert "<i>" not in text


def test_an_unchanged_gate_is_not_mentioned(repository: Repository) -> None:
    """Nor one that holds more than before."""
    edit(repository, "Timeout: 60", "Timeout: 61")
    repository.commit("stricter", {settings.FILE: "[days]\nlogs = 30\n"})
    plan = making.make(repository.folder, "main")

    assert () == plan.loosened
    assert "loosened" not in markdown.render(plan)


def test_the_pull_requests_own_commit_is_named(
    repository: Repository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A run for it is on a merge that nobody knows; one for anything else names what it is on."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": "f" * 40}}}))
    own = repository.git("rev-parse", "HEAD")
    for path in ("", str(event)):
        monkeypatch.setenv("GITHUB_EVENT_PATH", path)
        cli.main(["plan", "--base", "main"])
    elsewhere, requested = capsys.readouterr().out.split("## Plan")[1:]

    assert f"→ `{own[:12]}`" in elsewhere
    assert f"→ `{'f' * 12}`" in requested


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
    assert text.count("<details>") == text.count("</details>")
