"""The list of known commits: what it holds, that this repository keeps to it, and how it is read."""

from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.source import pins
from pipeline.source.project import Project
from tests import judged

ROOT = Path(__file__).parents[2]


@pytest.mark.outside
def test_this_repositorys_pins_are_on_the_list() -> None:
    """Each with the version that its comment says: nothing is pinned that nobody looked at."""
    project = judged.repository()
    used = [use for use in pins.uses(project) if use.file.startswith(".github/")]

    assert used
    assert [] == [use for use in used if pins.known()[use.action].get(use.commit) != use.comment]


@pytest.mark.parametrize("name", ["action.yml", "action.yaml"])
def test_the_image_of_an_action_of_ones_own(name: str) -> None:
    """It is used as any other: by its digest, or it is another tomorrow."""
    files = {
        ".github/workflows/x.yml": b"jobs: { x: { steps: [{ uses: ./tools/box }] } }",
        f"tools/box/{name}": b"runs: { using: docker, image: 'docker://alpine:3.22' }",
        "other/action.yml": b"runs: { using: docker, image: 'docker://alpine:3.22' }",  # nobody uses it
    }

    assert [(f"tools/box/{name}", "docker://alpine:3.22")] == [
        (use.file, use.written) for use in pins.uses(Project(ROOT, files))
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('["acme/x"]\n"v1" = "' + "a" * 40 + '"', "acme/x v1 is no whole version"),
        ('["acme/x"]\n"v1.2.3" = "abc"', "acme/x v1.2.3 is no whole version"),
        ('["acme/x"]\n"v1.2.3" = 5', "acme/x v1.2.3 is no whole version"),
        ("x = 1", "can't be read"),
        ("[", "can't be read"),
    ],
)
def test_a_list_that_can_not_be_read(tmp_path: Path, text: str, said: str) -> None:
    """It is an error that names file and row, never a list that knows less."""
    path = tmp_path / "actions.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=said):
        pins.known(path)


@pytest.mark.parametrize(
    ("written", "comment", "expected"),
    [
        (
            "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
            "v1.0.0",
            (7, 0, 1),
        ),  # the list decides
        (f"actions/checkout@{'a' * 40}", "v6.0.1", (6, 0, 1)),
        (f"actions/checkout@{'a' * 40}", "", ()),
        ("actions/checkout@v6", "v7.0.0", (6,)),
        ("actions/checkout@v6.0.2", "", (6, 0, 2)),
        ("actions/checkout@main", "v7.0.0", ()),
    ],
)
def test_the_version_that_is_used(written: str, comment: str, expected: tuple[int, ...]) -> None:
    """By the list, else by what is written; nothing for a branch."""
    assert expected == pins.Use("x.yml", 1, written, comment).version
