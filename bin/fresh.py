"""Runs commands as on a new machine: `python3 bin/fresh.py COMMAND [: COMMAND ...]`, say `make demo : make test`.

Each command runs in one fresh clone of HEAD, with an empty HOME and empty caches, and of the caller's variables only
those that say how the package registries are reached. What an earlier run left behind has hidden a broken first step
before. Standard library alone, for any Python 3: nothing is installed yet. The folder is kept when a command fails.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import scratch  # type: ignore[import-not-found] # beside this file

ROOT = Path(__file__).resolve().parent.parent
# How registries are reached: the list of pipeline/base/surroundings.py, in capitals.
REGISTRIES = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    *("GIT_SSL_CAINFO", "NPM_CONFIG_REGISTRY", "NPM_CONFIG_USERCONFIG"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST", "PIP_CONFIG_FILE"),
    *("PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_DEFAULT_TIMEOUT"),
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
    *("UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_CONFIG_FILE"),
    *("UV_HTTP_TIMEOUT", "UV_PYTHON_INSTALL_MIRROR"),
)
INDEX = "UV_INDEX_"  # the name and password for an index follow
_KEPT = (*REGISTRIES, "PATH", "CI", "PYENV_ROOT")  # where Python 3.13 may be; whether this is CI
# The same in files, below the caller's HOME.
_FILES = (".config/pip/pip.conf", ".pip/pip.conf", ".config/uv/uv.toml", ".npmrc", ".netrc")


def main(words: list[str]) -> int:
    """Run the commands, one after the other; the first status that isn't 0, or 0."""
    commands = _commands(words)
    if not commands:
        print(__doc__, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    box = Path(tempfile.mkdtemp(prefix="fresh-"))
    tmp = Path(tempfile.mkdtemp(prefix="fresh-", dir=scratch.folder()))
    for folder in (box, tmp):
        folder.chmod(0o755)  # as /tmp and /home are: PostgreSQL runs as another user where the caller is root
    try:
        status = _run(box, tmp, commands)
    except BaseException:
        for folder in (box, tmp):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if status:
        print(
            f"fresh: status {status}; the clone and its home are kept in {box}, its TMPDIR in {tmp}",
            file=sys.stderr,
        )
    else:
        for folder in (box, tmp):
            shutil.rmtree(folder, ignore_errors=True)
    return status


def environment(box: Path, tmp: Path, caller: dict[str, str]) -> dict[str, str]:
    """What the commands see: every folder that a tool writes to lies in the box, or is `tmp`."""
    home = box / "home"
    kept = {name: value for name, value in caller.items() if name.upper() in _KEPT or name.startswith(INDEX)}
    pyenv = Path(caller.get("HOME", "/")) / ".pyenv"
    if pyenv.is_dir():
        kept.setdefault("PYENV_ROOT", str(pyenv))  # its programs on PATH look below HOME otherwise
    return {
        **kept,
        "HOME": str(home),
        "TMPDIR": str(tmp),
        "LANG": "C.UTF-8",
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "UV_CACHE_DIR": str(home / ".cache/uv"),
        "PIP_CACHE_DIR": str(home / ".cache/pip"),
        "NPM_CONFIG_CACHE": str(home / ".cache/npm"),
    }


def _run(box: Path, tmp: Path, commands: list[list[str]]) -> int:
    caller = Path(os.environ.get("HOME", "/"))
    (box / "home").mkdir()
    for name in _FILES:
        if (caller / name).is_file():
            (box / "home" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(caller / name, box / "home" / name)
    clean = environment(box, tmp, dict(os.environ))
    git = shutil.which("git") or "git"
    subprocess.run([git, "clone", "--quiet", str(ROOT), str(box / "clone")], env=clean, check=True)
    changed = subprocess.run(
        [git, "status", "--porcelain"], cwd=ROOT, env=clean, stdout=subprocess.PIPE, check=True
    )
    if changed.stdout:
        print("fresh: what is not committed is not tried", file=sys.stderr)
    took = []
    for command in commands:
        print(f"fresh: {' '.join(command)}", flush=True)
        start = time.monotonic()
        status = _wait(subprocess.Popen(command, cwd=box / "clone", env=clean))
        took.append((" ".join(command), time.monotonic() - start))
        if status:
            return status
    for words, seconds in took:
        print(f"fresh: {seconds:7.1f} s  {words}")
    return 0


def _wait(child: "subprocess.Popen[bytes]") -> int:
    """The child's status as a shell gives it; who is ended ends the child first."""
    try:
        status = child.wait()
    except BaseException:
        child.terminate()
        child.wait()
        raise
    return status if status >= 0 else 128 - status


def _commands(words: list[str]) -> list[list[str]]:
    """The words, cut at each `:`."""
    commands: list[list[str]] = [[]]
    for word in words:
        if word == ":":
            commands.append([])
        else:
            commands[-1].append(word)
    return [command for command in commands if command]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
