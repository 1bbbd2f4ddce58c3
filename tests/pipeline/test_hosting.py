"""GitHub's settings against the files of .github, in the sandbox's API: what is refused, shown, and set."""

import argparse
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.base import github
from pipeline.base.errors import ConfigurationError, GateError
from pipeline.base.run import CHECKOUT
from pipeline.commands import github as commands
from pipeline.delivery import hosting
from pipeline.doctor import settings as doctor
from pipeline.doctor.model import NOTE, OK, UNKNOWN, WRONG
from pipeline.source import application, samconfig
from pipeline.source import hosting as wanted
from sandbox.github import permissions
from sandbox.github.api import Api
from sandbox.github.event import Repository
from sandbox.github.protection import Rule, owners

DEPLOYED = [name for name, one in samconfig.read_all(CHECKOUT).items() if one.promote_from]
FIRST = next(one.promote_from for one in samconfig.read_all(CHECKOUT).values() if one.promote_from)
LAST = DEPLOYED[-1]
PERSON = {**dict.fromkeys(permissions.SCOPES, "write"), "administration": "write", "variables": "write"}
SWITCHES = ["CODE_SCANNING", "DEPENDENCY_REVIEW", "ATTESTATIONS"]
JOB = {**dict.fromkeys(permissions.SCOPES, "none"), "contents": "read", "actions": "read"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Api]:
    """GitHub's API for a person's token `person` and a job's `job`, and this repository's .github to work in."""
    described = application.read(CHECKOUT)
    made = Api(Repository.of(described.repository, described.branch))
    made.records.owners = owners(CHECKOUT)
    made.start()
    made.admit("person", lambda ends: PERSON)
    made.admit("job", lambda ends: JOB)
    shutil.copytree(CHECKOUT / ".github", tmp_path / ".github")
    shutil.copy(CHECKOUT / "samconfig.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    for name, value in (
        ("GITHUB_API_URL", made.url),
        ("GITHUB_REPOSITORY", described.repository),
        ("GITHUB_TOKEN", "job"),
        ("GITHUB_ACTIONS", "true"),
    ):
        monkeypatch.setenv(name, value)
    yield made
    made.stop()


def command(*words: str, signed_in: bool = True) -> int:
    """The command's exit status, by a person's token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_TOKEN", "person" if signed_in else "")
        patch.setenv("GITHUB_REPOSITORY", "")
        parser = argparse.ArgumentParser()
        commands.arguments(parser)
        return commands.main(parser.parse_args(words))


@pytest.fixture
def ready(hub: Api) -> Api:
    """A repository that was set up."""
    assert 0 == command("setup", "--yes")
    return hub


def check(name: str) -> None:
    hosting.check(samconfig.read(Path.cwd(), name))


def test_a_repository_is_set_up_once(hub: Api, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything differs in a new one; what was set is no difference afterwards, and deployments may begin."""
    before = command("check")
    shown = capsys.readouterr().out
    command("setup", "--yes")
    after = command("check")

    assert (1, 0) == (before, after)
    assert shown.index("environment ") < shown.index("ruleset ")
    assert set(wanted.names(Path.cwd())) == hub.records.rules.keys()
    for name in (FIRST, LAST):
        check(str(name))


def test_a_job_may_not_set_anything(hub: Api) -> None:
    """Its token has no right to administer, whatever the workflow says."""
    with pytest.raises(github.RefusedError):
        hosting.apply(hosting.Difference("x", None, {}, (("PUT", f"environments/{LAST}", {}),)))


def test_without_an_agreement_nothing_is_set(hub: Api) -> None:
    """A person reads what changes first."""
    with pytest.raises(ConfigurationError, match="Give --yes"):
        command("setup")
    assert {} == hub.records.rules


def test_without_a_token_it_says_whose(hub: Api) -> None:
    """And how to come by one."""
    with pytest.raises(ConfigurationError, match="GITHUB_TOKEN is not set") as caught:
        command("check", signed_in=False)

    assert "gh auth token" in caught.value.hint


def test_an_environment_that_sprang_up_is_refused(hub: Api) -> None:
    """Whoever names it has it, without rules: any branch could become the role."""
    with pytest.raises(GateError, match=r"there is none.*(?s:.*)pipeline github setup"):
        check(LAST)
    hub.records.enter(LAST)
    with pytest.raises(GateError, match="any branch and tag may deploy there; nobody has to approve"):
        check(LAST)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"branches": ("main",)}, "the branch main may deploy there"),
        ({"tags": ("*",)}, r"the tag \* may deploy there"),
        ({"reviewers": {}}, "nobody has to approve"),
        ({"prevent_self_review": False}, "who starts a deployment may approve it"),
    ],
)
def test_an_environment_that_is_guarded_less_is_refused(
    ready: Api, change: dict[str, Any], said: str
) -> None:
    """Than the repository says; a stricter one is nobody's business."""
    ready.records.rules[LAST] = replace(ready.records.rules[LAST], **change)

    with pytest.raises(GateError, match=said):
        check(LAST)
    assert 1 == command("check")


def test_a_stricter_environment_passes(ready: Api) -> None:
    """Fewer tags, more reviewers."""
    rule = ready.records.rules[LAST]
    ready.records.rules[LAST] = Rule(tags=rule.tags[:0], reviewers={**rule.reviewers, "dave": ("dave",)})
    check(LAST)


def edit(name: str, **change: Any) -> None:
    file = Path(f".github/environments/{name}.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | change))


@pytest.mark.parametrize("visibility", ["public", "private"])
def test_without_reviewers(ready: Api, visibility: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A private repository may not have them on its plan, and is warned; a public one has them."""
    ready.records.repository = replace(ready.records.repository, visibility=visibility)
    edit(LAST, reviewers=[])
    assert 0 == command("setup", "--yes")
    if visibility == "public":
        with pytest.raises(GateError, match="a public repository has reviewers on every plan"):
            check(LAST)
    else:
        check(LAST)
        assert "Nobody has to approve a deployment" in "".join(capfd.readouterr())


@pytest.mark.parametrize("visibility", ["public", "private"])
def test_who_is_deployed_from_a_build_needs_no_approval(
    ready: Api, visibility: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A merge deploys it, which was reviewed: nothing is refused for it, nor warned of."""
    ready.records.repository = replace(ready.records.repository, visibility=visibility)
    check(FIRST)

    assert "Nobody has to approve" not in "".join(capfd.readouterr())


def test_by_hand_github_is_not_asked(hub: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who deploys from a terminal has the role by other means than an environment of GitHub's."""
    monkeypatch.delenv("GITHUB_ACTIONS")
    check(LAST)


def test_a_token_that_may_not_look_ends_the_deployment(ready: Api) -> None:
    """What can't be seen isn't guarded."""
    ready.admit("job", lambda ends: dict.fromkeys(permissions.SCOPES, "none"))

    with pytest.raises(github.RefusedError):
        check(LAST)


def test_what_github_tells_besides_is_no_difference(ready: Api) -> None:
    """Rules of its own in a ruleset, keys that nobody asked for; a rule that is gone, or looser, is one."""
    ruleset = next(iter(ready.records.rulesets.values()))
    ruleset["rules"].append({"type": "required_signatures"})
    ruleset["node_id"] = "x"
    stricter = command("check")
    review = next(one for one in ruleset["rules"] if one["type"] == "pull_request")
    review["parameters"]["require_code_owner_review"] = False
    looser = command("check")
    ruleset["rules"].remove(review)

    assert (0, 1, 1) == (stricter, looser, command("check"))
    assert (0, 0) == (command("setup", "--yes"), command("check"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reviewers": ["nobody"]}, "nobody is nobody in .github/CODEOWNERS"),
        ({"reviewers": "platform"}, "reviewers is 'platform'"),
        ({"branches": [""]}, "branches is"),
        ({"prevent_self_review": "yes"}, "prevent_self_review is 'yes'"),
        ({"more": 1}, "and no other"),
    ],
)
def test_a_wrong_file_is_named(hub: Api, change: dict[str, Any], said: str) -> None:
    """With the key, and what it takes."""
    edit(LAST, **change)

    with pytest.raises(ConfigurationError, match=re.escape(said)):
        check(LAST)


@pytest.mark.parametrize("text", [None, "", "{", "[]"])
def test_an_environment_without_a_file_is_refused(hub: Api, text: str | None) -> None:
    """Or with one that says nothing: nobody knows who may deploy."""
    file = Path(f".github/environments/{LAST}.json")
    file.unlink()
    if text is not None:
        file.write_text(text)

    with pytest.raises(ConfigurationError, match=rf"{LAST}\.json"):
        check(LAST)


def looked(token: str) -> list[tuple[str, str]]:
    """What the doctor says of GitHub with a token: each state, and of what."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_TOKEN", token)
        patch.setenv("GITHUB_REPOSITORY", "")
        return [(one.state, one.what) for one in doctor.look(Path.cwd())]


def test_the_doctor_compares(ready: Api) -> None:
    """As `github check` does: a setting that differs by its name; by a token that may look alone."""
    same = looked("person")
    ready.records.rules[LAST] = replace(ready.records.rules[LAST], reviewers={})

    off = [(NOTE, name) for name in SWITCHES]
    assert [(OK, "settings"), *off] == same
    assert [(WRONG, f"environment {LAST}"), *off] == looked("person")
    assert [(UNKNOWN, "settings")] == looked("job")
    assert [(NOTE, "settings")] == looked("")


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize(
    ("value", "state", "told"),
    [
        ("on", OK, "on: "),
        ("ON", OK, "on: "),
        ("true", NOTE, "off: it is 'true', and only `on`"),
        (None, NOTE, "off"),
    ],
)
def test_the_doctor_says_what_is_switched_on(
    ready: Api, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, state: str, told: str
) -> None:
    """As workflows take the variable; off it says what it would do, what a private repository needs, and how."""
    workflows = "".join(path.read_text() for path in Path(".github/workflows").iterdir())
    monkeypatch.setenv("GITHUB_TOKEN", "person")
    if value is not None:
        ready.records.variables[name] = value
    (found,) = [one for one in doctor.look(Path.cwd()) if one.what == name]

    assert f"vars.{name} == 'on'" in workflows
    assert (state, True) == (found.state, found.told.startswith(told))
    assert (state == NOTE) == (f"gh variable set {name} --body on" in found.resolve)


def test_a_token_that_may_not_see_variables_is_told(ready: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be seen is neither on nor off."""
    ready.admit("person", lambda ends: PERSON | {"variables": "none"})
    monkeypatch.setenv("GITHUB_TOKEN", "person")
    found = {one.what: one.state for one in doctor.look(Path.cwd())}

    assert {"settings": OK, **dict.fromkeys(SWITCHES, UNKNOWN)} == found


def test_the_doctor_tells_what_is_not_there(hub: Api) -> None:
    """Of a new repository everything, each with how to set it; nothing is set."""
    found = looked("person")

    assert {WRONG} == {state for state, what in found if what not in SWITCHES}
    assert {f"environment {LAST}", "ruleset main"} <= {what for _, what in found}
    assert {} == hub.records.rules


def test_the_repositorys_own_files_fit_each_other() -> None:
    """The check that is asked for is a job's name; the labels of notes and of drift are made."""
    found = {one["name"]: one for one in wanted.rulesets(CHECKOUT)}
    checks = [rule for rule in found["main"]["rules"] if rule["type"] == "required_status_checks"]
    jobs = (CHECKOUT / ".github/workflows/pull-request.yml").read_text(encoding="utf-8")
    notes = (CHECKOUT / ".github/release.yml").read_text(encoding="utf-8")
    labels = {one["name"] for one in wanted.labels(CHECKOUT)}
    of_notes = {
        label
        for row in re.findall(r"labels: \[(.*)\]", notes)
        for label in re.split(r",\s*", row.replace('"', ""))
    }

    for check in checks[0]["parameters"]["required_status_checks"]:
        assert f"name: {check['context']}\n" in jobs
    assert of_notes - {"*", "bug", "enhancement"} <= labels  # those two GitHub makes by itself
    assert "drift" in labels
