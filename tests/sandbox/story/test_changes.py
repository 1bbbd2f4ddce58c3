"""The story's changes fit the application, whatever it is: they are its own files, and none of it has to be there."""

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from pipeline.gate.parts import is_application
from pipeline.source import application
from sandbox.story import changes

TOP = Path(__file__).resolve().parents[3]


def hub(*migrations: str) -> Any:
    """A GitHub whose branch has these migrations."""
    listed = "\n".join(f"{changes.MIGRATIONS}/{name}" for name in migrations)
    return SimpleNamespace(
        remote=SimpleNamespace(git=lambda *_: listed), repository=SimpleNamespace(branch="main")
    )


EVERY = {
    "good": changes.good(),
    "good again": changes.good_again(),
    "smoke": changes.broken_smoke("/ready"),
    "migration": changes.broken_migration(hub("0001_x.sql")),
}


@pytest.mark.parametrize("files", EVERY.values(), ids=EVERY)
def test_the_change_is_the_applications_own(files: dict[str, str]) -> None:
    """So that its checks run its own tests; and none is another's."""
    assert [] == [name for name in files if not is_application(name, application.read(TOP).folders)]
    assert len(EVERY) == len({tuple(sorted(one.items())) for one in EVERY.values()})


@pytest.mark.parametrize("files", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("on_lambda", [True, False])
def test_what_is_taken_into_the_application(
    files: dict[str, str], on_lambda: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readiness is broken by one change, and on Lambda alone."""
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    if on_lambda:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "x")
    (source,) = (text for name, text in files.items() if name.endswith("/__init__.py"))
    (tmp_path / "made.py").write_text(source, encoding="utf-8")
    app = Flask("x")
    app.add_url_rule("/ready", view_func=lambda: "ok")
    runpy.run_path(str(tmp_path / "made.py"))["init_app"](app)

    broken = on_lambda and files == EVERY["smoke"]
    assert (500 if broken else 200) == app.test_client().get("/ready").status_code


@pytest.mark.parametrize(
    ("there", "number"),
    [((), "0001"), (("0001_a.sql",), "0002"), (("0009_a.sql", "0012_b.sql", "x"), "0013")],
)
def test_the_migration_is_the_next_one(there: tuple[str, ...], number: str) -> None:
    files = changes.broken_migration(hub(*there))

    assert f"{changes.MIGRATIONS}/{number}_left_by_hand.sql" in files
