"""A blueprint that is added as docs/your-application.md says passes, and no test had to be touched."""

import re
import shutil
import textwrap
from pathlib import Path

import pytest

from pipeline.base.run import CHECKOUT, Completed, run
from tests import documented

__test__ = documented.ENGINES_OWN
PAGE = CHECKOUT / "docs/your-application.md"
_LAST = "Path: /ledger/{page}/{name}\n            Method: GET\n            Auth: { Authorizer: NONE }\n"


def _code(language: str) -> str:
    """The first block of code in a language on the page."""
    blocks = re.findall(
        rf"^ *```{language}\n(.*?)^ *```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return textwrap.dedent(blocks[0])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project, with the tools of this one."""
    unwanted = shutil.ignore_patterns(
        ".git", ".venv", ".tools", ".sandbox", "build", "__pycache__", ".*_cache"
    )
    folder = tmp_path / "copy"
    shutil.copytree(CHECKOUT, folder, symlinks=True, ignore=unwanted)
    for name in (".venv", ".tools"):
        (folder / name).symlink_to(CHECKOUT / name)
    return folder


def _pipeline(folder: Path, *words: str) -> Completed:
    return run([folder / "bin/pipeline", *words], cwd=folder, check=False)


@pytest.mark.proof
def test_a_blueprint_of_the_docs_passes(copy: Path) -> None:
    """Written and not opened it is told of; opened by an event, or by the command, it passes lint and policy."""
    (copy / "app/orders").mkdir()
    (copy / "app/orders/__init__.py").write_text(_code("python"), encoding="utf-8")

    told = _pipeline(copy, "routes")
    assert 1 == told.status
    assert "app/orders/__init__.py:8: GET /orders (orders.orders) isn't in the template" in told.stdout

    template = (copy / "template.yaml").read_text(encoding="utf-8")
    assert template.count(_LAST) == 1
    event = textwrap.indent(_code("yaml"), " " * 8)
    (copy / "template.yaml").write_text(template.replace(_LAST, _LAST + event), encoding="utf-8")
    assert 0 == _pipeline(copy, "routes", "--check").status

    (copy / "template.yaml").write_text(template, encoding="utf-8")
    assert 0 == _pipeline(copy, "routes", "--write").status
    done = [_pipeline(copy, stage) for stage in ("lint", "policy")]
    assert [0, 0] == [one.status for one in done], "".join(one.stdout + one.stderr for one in done)
