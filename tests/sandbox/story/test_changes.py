"""The story's changes fit the application as it is, so that a renamed line is heard of before the story is told."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.gate.parts import is_application
from pipeline.source import application
from sandbox.story import changes

# In the story's own runs the changes are made already: there is nothing to try there.
pytestmark = pytest.mark.e2e

TOP = Path(__file__).resolve().parents[3]


def _git(*words: str) -> str:
    """What git would say of this tree: a file's text, or the names of the migrations."""
    if words[0] == "show":
        return (TOP / words[1].partition(":")[2]).read_text(encoding="utf-8").rstrip("\n")
    return "\n".join(str(path.relative_to(TOP)) for path in (TOP / "app/migrations").iterdir())


HUB: Any = SimpleNamespace(
    remote=SimpleNamespace(git=_git), repository=SimpleNamespace(branch=application.read(TOP).branch)
)


@pytest.mark.parametrize(
    "change",
    [changes.good, changes.broken_smoke, lambda hub: changes.broken_migration(hub, "main")],
    ids=["good", "smoke", "migration"],
)
def test_the_change_can_be_made(change: Callable[[Any], dict[str, str]]) -> None:
    """Each change gives files, Python among them that compiles, and differs from what is there;
    all of them are the application's, so that its checks run its own tests."""
    files = change(HUB)
    made = {
        name: text
        for name, text in files.items()
        if not (TOP / name).exists() or _git("show", f":{name}") != text
    }

    assert made
    assert [] == [name for name in files if not is_application(name, application.read(TOP).folders)]
    for name, text in files.items():
        if name.endswith(".py"):
            compile(text, name, "exec")
