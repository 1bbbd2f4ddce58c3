import os
import sys
from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import CHECKOUT
from sandbox.github import act

pytestmark = pytest.mark.outside


def test_jobs_get_nothing_of_the_persons_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keys, tokens and proxies of this machine don't reach jobs; its programs do, behind the sandbox's stand-ins, and
    the checkout's own don't."""
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "GITHUB_TOKEN",
        "HTTPS_PROXY",
        "PYTHONPATH",
        "VIRTUAL_ENV",
    ):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / ".venv/bin"), "/usr/bin"]))
    found = act.host_environment(Path("/run"), tmp_path)

    path = f"{act.PROGRAMS}{os.pathsep}/usr/bin"
    assert (path, "/run/home", "/run") == (found["PATH"], found["HOME"], found["SANDBOX_RUN"])
    assert "x" not in found.values()


def test_a_version_manager_looks_for_python_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its script takes longer than most of what jobs ask Python for."""
    real = Path(sys._base_executable).parent  # type: ignore[attr-defined]
    (tmp_path / "shims").mkdir()
    shim = tmp_path / "shims/python3"
    shim.write_text(f'#!/bin/sh\nexec {real}/python3 "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}/usr/bin")
    found = act.host_environment(Path("/run"), CHECKOUT)

    assert [str(act.PROGRAMS), str(real), str(shim.parent), "/usr/bin"] == found["PATH"].split(os.pathsep)


@pytest.mark.parametrize("value", ["it's", "two\nlines"])
def test_a_value_that_act_cannot_read_is_refused(tmp_path: Path, value: str) -> None:
    """A value is handed over whole or not at all."""
    with pytest.raises(ConfigurationError, match="NAME"):
        act.write(tmp_path, "env", {"NAME": value})
