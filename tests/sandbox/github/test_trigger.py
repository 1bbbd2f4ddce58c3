from dataclasses import replace
from typing import Any

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.source.located import Document
from pipeline.source.workflows import Workflow
from sandbox.github import event as events
from sandbox.github import trigger
from sandbox.github.event import Event, PullRequest, Repository

REPOSITORY = Repository("acme", "ledger")
SHA = "a" * 40
MAIN = events.push(REPOSITORY, "refs/heads/main", SHA, "alice", changed=("app/a.py", "docs/b.md"))
TOPIC = events.push(REPOSITORY, "refs/heads/topic/a", SHA, "alice", changed=("docs/b.md",))
TAG = events.push(REPOSITORY, "refs/tags/v1.0.0", SHA, "alice")
PULL = PullRequest(7, "T", "topic", "main", "b" * 40, SHA, "c" * 40, "alice", REPOSITORY, ("app/a.py",))


def flow(on: Any) -> Workflow:
    return Workflow(Document(".github/workflows/w.yml", "", {"name": "W", "on": on, "jobs": {}}, {}))


@pytest.mark.parametrize(
    ("filters", "fitting"),
    [
        ({}, ["main", "topic", "tag"]),
        ({"branches": ["main"]}, ["main"]),  # branches alone keep tags out
        ({"branches": "main"}, ["main"]),
        ({"branches": ["topic/**"]}, ["topic"]),
        ({"branches-ignore": ["main"]}, ["topic"]),
        ({"tags": ["v*"]}, ["tag"]),
        ({"tags-ignore": ["v*"]}, []),
        ({"branches": ["main"], "tags": ["v*"]}, ["main", "tag"]),
        ({"branches": ["v*"]}, []),  # a tag is no branch
        ({"paths": ["app/**"]}, ["main", "tag"]),  # paths aren't looked at for tags
        ({"paths": ["**", "!docs/**"]}, ["main", "tag"]),
        ({"paths-ignore": ["docs/**"]}, ["main", "tag"]),
        ({"branches": ["topic/*"], "paths": ["app/**"]}, []),
    ],
)
def test_filters_of_a_push(filters: dict[str, Any], fitting: list[str]) -> None:
    """A push starts a workflow only where its branch, tag and changed files pass the filters."""
    pushes = {"main": MAIN, "topic": TOPIC, "tag": TAG}
    found = [name for name, event in pushes.items() if trigger.starts(flow({"push": filters}), event)]

    assert fitting == found


def test_what_the_default_token_pushes_starts_nothing() -> None:
    """A tag that a workflow pushes with its own token; by hand it can still start one."""
    tag = replace(TAG, actor="github-actions[bot]")
    named = events.dispatch(REPOSITORY, ".github/workflows/w.yml", "refs/heads/main", SHA, tag.actor, {})

    assert not trigger.starts(flow("push"), tag)
    assert trigger.starts(flow("workflow_dispatch"), named)


@pytest.mark.parametrize("word", ["[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"])
def test_a_message_can_keep_a_push_from_starting_anything(word: str) -> None:
    """Also a tag of such a commit."""
    skipped = events.push(REPOSITORY, "refs/heads/main", SHA, "alice", message=f"Mend {word}")
    told = events.push(REPOSITORY, "refs/heads/main", SHA, "alice", message="Say when CI is skipped")

    assert [False, True] == [trigger.starts(flow("push"), event) for event in (skipped, told)]


@pytest.mark.parametrize(("branches", "expected"), [(["main"], True), (["release/*"], False)])
def test_a_merge_queue_asks_for_the_checks_of_its_base(branches: list[str], expected: bool) -> None:
    """The filter is for the branch that is merged into, not for the queue's own."""
    group = events.merge_group(
        REPOSITORY, "refs/heads/gh-readonly-queue/main/pr-7-x", SHA, "main", "b" * 40, ()
    )

    assert expected == trigger.starts(flow({"merge_group": {"branches": branches}}), group)
    assert trigger.starts(flow("merge_group"), group)
    assert not trigger.starts(flow("pull_request"), group)


@pytest.mark.parametrize(
    ("filters", "action", "expected"),
    [
        ({}, "opened", True),
        ({}, "synchronize", True),
        ({}, "closed", False),
        ({}, "labeled", False),
        ({"types": ["closed"]}, "closed", True),
        ({"types": ["closed"]}, "opened", False),
        ({"branches": ["main"]}, "opened", True),
        ({"branches": ["topic"]}, "opened", False),  # the base counts, not the head
        ({"paths": ["docs/**"]}, "opened", False),
        ({"paths": ["app/**"]}, "opened", True),
    ],
)
def test_filters_of_a_pull_request(filters: dict[str, Any], action: str, expected: bool) -> None:
    """A pull request starts a workflow by its activity, its base branch and its files."""
    event = PULL.event(REPOSITORY, action)

    assert expected == trigger.starts(flow({"pull_request": filters}), event)


@pytest.mark.parametrize("event", [MAIN, TAG, events.schedule(REPOSITORY, "0 3 * * *", SHA)])
def test_another_event_starts_nothing(event: Event) -> None:
    """A workflow starts on the events that it names, and on no other."""
    assert not trigger.starts(flow({"pull_request": {}, "workflow_call": {}}), event)


def test_a_pull_request_target_is_an_event_of_its_own() -> None:
    """`pull_request` and `pull_request_target` don't start each other's workflows."""
    target = PULL.event(REPOSITORY, name="pull_request_target")
    found = [trigger.starts(flow({name: {}}), target) for name in ("pull_request", "pull_request_target")]

    assert [False, True] == found


@pytest.mark.parametrize(("cron", "expected"), [("0 3 * * *", True), ("0 4 * * *", False)])
def test_a_schedule_starts_the_line_that_fell_due(cron: str, expected: bool) -> None:
    """Of several schedules only the workflow with that cron line starts."""
    on = {"schedule": [{"cron": "0 3 * * *"}]}

    assert expected == trigger.starts(flow(on), events.schedule(REPOSITORY, cron, SHA))


def test_a_dispatch_starts_the_workflow_that_it_names() -> None:
    """Starting one workflow by hand starts no other that can be started by hand."""
    event = events.dispatch(REPOSITORY, ".github/workflows/w.yml", "refs/heads/main", SHA, "bob", {})
    other = Workflow(replace(flow({"workflow_dispatch": {}}).document, file=".github/workflows/other.yml"))

    assert trigger.starts(flow({"workflow_dispatch": {}}), event)
    assert not trigger.starts(other, event)


@pytest.mark.parametrize("kind", ["branches", "tags", "paths"])
def test_a_filter_and_its_opposite_are_refused(kind: str) -> None:
    """GitHub accepts no workflow with both `branches` and `branches-ignore`."""
    with pytest.raises(ConfigurationError, match=f"has {kind} and {kind}-ignore"):
        trigger.starts(flow({"push": {kind: ["a"], f"{kind}-ignore": ["b"]}}), MAIN)


INPUTS = {
    "environment": {"type": "choice", "options": ["dev", "prod"], "required": True},
    "version": {"default": "latest"},
    "dry-run": {"type": "boolean"},
}


def test_inputs_get_their_defaults() -> None:
    """What isn't given is the default; a boolean without one is false."""
    found = trigger.inputs(flow({"workflow_dispatch": {"inputs": INPUTS}}), {"environment": "dev"})

    assert {"environment": "dev", "version": "latest", "dry-run": "false"} == found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "`environment` is required"),
        ({"environment": "test"}, "'test'"),
        ({"environment": "dev", "dry-run": "yes"}, "'yes'"),
        ({"environment": "dev", "other": "x"}, "no input `other`"),
    ],
)
def test_wrong_inputs_are_refused(given: dict[str, str], said: str) -> None:
    """act takes any input; GitHub doesn't, and neither does the sandbox."""
    with pytest.raises(ConfigurationError, match=said):
        trigger.inputs(flow({"workflow_dispatch": {"inputs": INPUTS}}), given)
