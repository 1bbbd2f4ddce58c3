"""What a release says of itself: the run that deployed it, and a passport where there is one."""

from pathlib import Path

import pytest

from pipeline.commands import release
from pipeline.source.tags import Release

FOUND = Release("v1.0.0", "a" * 40)


@pytest.mark.parametrize("files", [[], ["v1.0.0.json"], ["v0.9.0.json"]])
def test_a_passport_is_told_of_where_it_is_attached(files: list[str]) -> None:
    """The same tag again issues none: nothing is promised then."""
    text = release._text(FOUND, [Path(name) for name in files])

    assert ("v1.0.0.json" in files) == ("The passport is attached" in text)
    assert "a" * 40 in text


def test_the_run_is_told_of_in_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its summary holds the change set."""
    for name, value in (("SERVER_URL", "https://github.com"), ("REPOSITORY", "acme/ledger"), ("RUN_ID", "7")):
        monkeypatch.setenv(f"GITHUB_{name}", value)

    assert "(https://github.com/acme/ledger/actions/runs/7)" in release._text(FOUND, [])
