"""Who stands behind a release: whatever a commit or GitHub says, it is told as it is, or told to be unknown."""

import base64
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base import git, github, http
from pipeline.base.canonical import canonical
from pipeline.base.http import Answer
from pipeline.evidence import people
from pipeline.release import status
from pipeline.source import tags as release
from tests.pipeline.bundles import Repository

pytestmark = pytest.mark.outside

# What stands in a commit's header or subject but for NUL and the line end, which git itself keeps out.
STRANGE = st.text(st.characters(exclude_characters="\0\n", exclude_categories=["Cs"]), min_size=1)
ENDS = [
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\x1b[2K",
    "\x01",
    "\t",
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("people") / "clone")


def written(repository: Repository, author: bytes, subject: bytes) -> str:
    """A commit with exactly these bytes, as a push brings it: `git commit` would tidy them up."""
    tree = repository.git("rev-parse", "HEAD^{tree}").encode()
    lines = [
        b"tree " + tree,
        b"author " + author + b" <a@b> 1 +0000",
        b"committer C <c@d> 1 +0000",
        b"",
        subject,
    ]
    words = ["git", "hash-object", "-t", "commit", "-w", "--stdin", "--literally"]
    done = subprocess.run(
        words, cwd=repository.folder, input=b"\n".join(lines) + b"\n", capture_output=True, check=True
    )
    return done.stdout.decode().strip()


@given(author=STRANGE, subject=STRANGE)
def test_a_commit_is_told_as_it_is(repository: Repository, author: str, subject: str) -> None:
    """Five members, whatever characters are in it: git's own bytes, held against a reading of the raw object."""
    sha = written(repository, author.encode(), subject.encode())
    told = people.commit(sha, repository.folder)
    raw = subprocess.run(
        ["git", "cat-file", "commit", sha],  # noqa: S607
        cwd=repository.folder, capture_output=True, check=True,
    ).stdout  # fmt: skip
    header, _, message = raw.partition(b"\n\n")

    assert ["sha", "author", "authored_at", "committed_at", "subject"] == list(told)
    assert sha == told["sha"]
    assert told["author"].rpartition(" <")[0].strip() in header.decode()
    assert told["subject"] in message.decode()
    assert canonical(told)


@pytest.mark.parametrize("end", ENDS)
def test_no_character_ends_a_subject_or_a_name(repository: Repository, end: str) -> None:
    """What Python takes for a line's end isn't one to git."""
    sha = written(repository, f"Ada{end}Byron".encode(), f"Reword{end}the readme".encode())
    told = people.commit(sha, repository.folder)

    assert f"Ada{end}Byron <a@b>" == told["author"]
    assert f"Reword{end}the readme" == told["subject"]


@pytest.mark.parametrize("raw", [b"Reword\xffthe readme", b"\xed\xa0\x80", b"\xc3"])
def test_bytes_that_are_no_text_are_replaced(repository: Repository, raw: bytes) -> None:
    """A passport is UTF-8."""
    told = people.commit(written(repository, raw, raw), repository.folder)

    assert "\ufffd" in told["subject"]
    assert canonical(told)


def test_settings_of_git_change_nothing(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor those of whoever runs it: another encoding of the log, signatures shown."""
    settings = {"i18n.logOutputEncoding": "ISO-8859-1", "log.showSignature": "true", "color.ui": "always"}
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for number, (name, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", name)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)

    assert (
        "Größe" == people.commit(written(repository, b"Ada", "Größe".encode()), repository.folder)["subject"]
    )


def test_a_file_is_told_by_its_whole_name(tmp_path: Path) -> None:
    """Line ends, quotes, blanks and letters of any script stand in it as they are."""
    repository = Repository(tmp_path / "clone")
    names = ['a\nb "c".sql', "größe.sql", "x\u2028y\r.sql", "tab\there.sql"]
    repository.commit("names", dict.fromkeys(names, "x"))
    listed = git.entries("diff", "--name-only", "-z", repository.first, "HEAD", cwd=repository.folder)

    assert sorted(names) == sorted(listed)
    assert [] == git.entries("diff", "--name-only", "-z", "HEAD", "HEAD", cwd=repository.folder)


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\u00a0", "\u3000"])
def test_a_tag_is_told_by_its_whole_name(tmp_path: Path, end: str) -> None:
    """A tag's name may hold what Python takes for a line's end or a blank: no part of it is a version."""
    repository = Repository(tmp_path / "clone")
    repository.tag(f"x{end}v9.9.9")
    repository.tag(f"y{end}tag")
    repository.tag("v1.0.0")

    assert "v1.0.0" == status._version(repository.first, repository.folder)
    assert repository.first == release.verify("v1.0.0", repository.folder, "main").commit


ODD: list[tuple[str, Any]] = [
    ("nobody", {"user": None, "state": "APPROVED", "submitted_at": None}),
    ("no user", {"state": "APPROVED"}),
    ("a user of another form", {"user": "ghost", "state": 7}),
    ("no login", {"user": {}, "state": None}),
    ("half a character", {"user": {"login": "\ud800"}, "state": "\udfff"}),
    ("another name", {"user": {"login": ["x"]}, "state": {"a": 1}}),
]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, repository: Repository) -> dict[str, Any]:
    """What GitHub answers, by the end of the path."""
    known: dict[str, Any] = {"pulls": [{"number": 5}], "reviews": [], "approvals": []}

    def get(path: str) -> Any:
        return known[path.rsplit("/", 1)[1]]

    monkeypatch.setattr(github, "get", get)
    monkeypatch.setenv("GITHUB_TOKEN", "t")
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return known


@pytest.mark.parametrize(("_name", "one"), ODD)
def test_an_odd_answer_is_told_and_undoes_nothing(
    answers: dict[str, Any], repository: Repository, _name: str, one: Mapping[str, Any]
) -> None:
    """GitHub's `user` is null for an account that is gone; that is nobody, not an error.

    Source: "nullable-simple-user" in https://github.com/github/rest-api-description
    """
    answers["reviews"] = [one, {"user": {"login": "grace"}, "state": "APPROVED", "submitted_at": "now"}]
    answers["approvals"] = [
        one,
        {"user": {"login": "ada"}, "state": "approved", "environments": [{"name": "prod"}]},
    ]
    told = people.behind(repository.first, "v1.0.0", repository.folder)

    assert "grace" == told["reviewers"][1]["reviewer"]
    assert "ada" == told["approvers"][1]["approver"]
    assert told["reviewers"][0]["reviewer"] in (None, "?", "['x']")
    assert canonical(told)


@pytest.mark.parametrize(
    "change",
    [
        {"pulls": [{}]},
        {"pulls": [{"number": None}]},
        {"pulls": [{"number": "../../x"}]},
        {"approvals": [{"user": {"login": "ada"}, "state": "approved", "environments": [None]}]},
        {"approvals": [{"user": {"login": "ada"}, "state": "approved", "environments": 7}]},
    ],
)
def test_what_is_not_understood_is_nobody_s_word(
    answers: dict[str, Any],
    repository: Repository,
    change: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """None in the passport, and a warning; the other questions are asked all the same."""
    answers.update(change)
    told = people.behind(repository.first, "v1.0.0", repository.folder)
    one, other = ("reviewers", "approvers") if "pulls" in change else ("approvers", "reviewers")

    assert (None, []) == (told[one], told[other])
    assert "GitHub answered in a form that is not known" in capsys.readouterr().err


def test_without_environments_an_approval_is_for_none(
    answers: dict[str, Any], repository: Repository
) -> None:
    """Null, as an empty list."""
    answers["approvals"] = [{"user": {"login": "ada"}, "state": "approved", "environments": None}]

    assert "" == people.behind(repository.first, "v1.0.0", repository.folder)["approvers"][0]["environments"]


@pytest.mark.parametrize("claims", ["[]", "7", '"x"', '{"sub": "\\ud800"}', "[" * 100_000])
def test_claims_of_another_form_undo_nothing(
    claims: str, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], repository: Repository
) -> None:
    """The run's own token, read without being understood."""
    body = base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")

    ask: Callable[..., Any] = lambda *_, **__: Answer(200, {"value": f"x.{body}.x"}, "")  # noqa: E731
    monkeypatch.setattr(http, "send", ask)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "https://issuer.example.com")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t")

    assert canonical(people.behind(repository.first, "v1.0.0", repository.folder))
