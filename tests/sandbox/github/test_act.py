import os
from pathlib import Path

import pytest

from pipeline.base.errors import ConfigurationError
from sandbox.github import act


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


@pytest.mark.parametrize("value", ["it's", "two\nlines"])
def test_a_value_that_act_cannot_read_is_refused(tmp_path: Path, value: str) -> None:
    """A value is handed over whole or not at all."""
    with pytest.raises(ConfigurationError, match="NAME"):
        act.write(tmp_path, "env", {"NAME": value})
