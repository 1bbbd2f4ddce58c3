"""bin/drawn.py draws names that a team could have."""

import importlib.util
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.base.run import CHECKOUT
from pipeline.source import adoption
from tests.pipeline.bundles import Repository

pytestmark = pytest.mark.outside

_SPEC = importlib.util.spec_from_file_location("drawn", CHECKOUT / "bin/drawn.py")
assert _SPEC is not None
assert _SPEC.loader is not None
drawn = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(drawn)


@pytest.mark.parametrize("seed", [str(number) for number in range(20)])
def test_what_is_drawn_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: str) -> None:
    """`init` writes it as it is, and the same seed draws the same."""
    made = Repository(tmp_path)
    made.commit("names", {file: (CHECKOUT / file).read_text(encoding="utf-8") for file in adoption.FILES})
    monkeypatch.chdir(tmp_path)

    words = drawn.words(seed)
    given = {option: words[words.index(option) + 1] for option in ("--name", "--repository", "--region")}
    assert 0 == cli.main(words)
    after = adoption.current(tmp_path)
    assert given == {"--name": after.name, "--repository": after.repository, "--region": after.region}
    assert f"security={after.teams['security']}" in words
    assert {f"{name}={number}" for name, number in after.accounts.items()} <= set(words)
    assert words == drawn.words(seed)
    assert words != drawn.words(f"{seed}.")
