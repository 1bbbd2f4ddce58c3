import pytest

from pipeline.base.errors import GateError
from sandbox.github.permissions import DEFAULT, SCOPES, effective, of_fork, parse


def level(written: object, scope: str) -> str:
    found = parse(written, "w.yml")
    assert found is not None
    return found[scope]


@pytest.mark.parametrize(
    ("written", "scope", "expected"),
    [
        ({}, "contents", "none"),
        ({"contents": "read"}, "contents", "read"),
        ({"contents": "read"}, "packages", "none"),
        ({"id-token": "write"}, "id-token", "write"),
        ("read-all", "contents", "read"),
        ("read-all", "id-token", "none"),
        ("write-all", "id-token", "write"),
    ],
)
def test_reads_what_is_written(written: object, scope: str, expected: str) -> None:
    """What is written sets the scopes that it names, and takes away every other."""
    assert expected == level(written, scope)


@pytest.mark.parametrize(
    "written", [{"content": "read"}, {"contents": "admin"}, {"id-token": "read"}, "all", ["contents"]]
)
def test_refuses_what_github_refuses(written: object) -> None:
    """An unknown scope or level keeps the run from starting, and the error says where."""
    with pytest.raises(GateError, match=r"^w\.yml"):
        parse(written, "w.yml")


def test_nothing_written_gives_the_restricted_default() -> None:
    """Without any `permissions:` a job reads contents and packages, and gets no token for a cloud."""
    found = effective(None, None, None, "job")

    assert ["contents", "packages"] == [scope for scope in SCOPES if found[scope] != "none"]


def test_the_job_takes_the_place_of_its_workflow() -> None:
    """A job's own permissions count, not the union with those of its workflow."""
    found = effective(parse({"contents": "read"}, ""), parse({"id-token": "write"}, ""), None, "job")

    assert ("read", "none") == (found["contents"], found["id-token"])


def test_a_called_job_inherits_from_its_caller() -> None:
    """A called workflow that says nothing has what the calling job has."""
    caller = parse({"id-token": "write"}, "")

    assert caller == effective(None, None, caller, "job")


def test_a_called_job_may_lower() -> None:
    """A called job keeps only what it names of what its caller has."""
    found = effective(parse({}, ""), None, parse("write-all", ""), "job")

    assert {"none"} == set(found.values())


@pytest.mark.parametrize("caller", [{}, {"contents": "write"}])
def test_a_called_job_may_not_raise(caller: dict[str, str]) -> None:
    """A called job that asks for more than its caller has keeps the whole run from starting."""
    with pytest.raises(GateError, match=r"requests `id-token: write`.*only `id-token: none`"):
        effective(None, parse({"id-token": "write"}, ""), parse(caller, ""), "deploy.yml: job `deploy`")


def test_a_fork_reads_and_gets_no_token() -> None:
    """A pull request from a fork can't write, whatever the workflow says."""
    found = of_fork(effective(parse("write-all", ""), None, None, "job"))

    assert {"contents": "read", "id-token": "none"} == {key: found[key] for key in ("contents", "id-token")}
    assert "write" not in found.values()
    assert DEFAULT["id-token"] == "none"
