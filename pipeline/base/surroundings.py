"""What of the caller's world reaches the programs and tests that are started here: nothing that decides a verdict.

The list says what is kept, not what is dropped: nobody knows every variable that some tool heeds.
"""

import fnmatch
import os
import time
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

UMASK = 0o022
# What a person's settings of git would change in what it prints, archives or commits; tests/test_world.py has them.
_GIT = {
    "color.ui": "false",
    "column.ui": "never",
    "commit.gpgSign": "false",
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.eol": "lf",
    "core.hooksPath": os.devnull,
    "core.quotePath": "true",
    "diff.renames": "true",
    "init.templateDir": "",
    "log.showSignature": "false",
    "status.renames": "true",
    "tag.gpgSign": "false",
    "tag.sort": "refname",
    "tar.umask": "0002",
}
_SETTLED = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "GIT_CONFIG_COUNT": str(len(_GIT))}
for _number, (_name, _value) in enumerate(_GIT.items()):
    _SETTLED |= {f"GIT_CONFIG_KEY_{_number}": _name, f"GIT_CONFIG_VALUE_{_number}": _value}
_BARE = {
    *("PATH", "PYENV_ROOT", "TMPDIR"),
    "GIT_CEILING_DIRECTORIES",  # where the search for a repository ends
    "SANDBOX_RUN",  # the mark by which the laptop's GitHub ends what a run left behind
}
# How the package registries are reached; what comes from there is held to the digests in uv.lock. bin/fresh.py has
# the same list, and a test holds the two together.
REGISTRIES = frozenset(
    (
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
        *("GIT_SSL_CAINFO", "NPM_CONFIG_REGISTRY", "NPM_CONFIG_USERCONFIG"),
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST", "PIP_CONFIG_FILE"),
        *("PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_DEFAULT_TIMEOUT"),
        *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
        *("UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_CONFIG_FILE"),
        *("UV_HTTP_TIMEOUT", "UV_PYTHON_INSTALL_MIRROR"),
    )
)
_KEPT = (
    _BARE
    | REGISTRIES
    | {
        *("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
        *("UV_CACHE_DIR", "UV_OFFLINE", "PIPELINE_TIMINGS"),
    }
)
INDEX = "UV_INDEX_"  # the name and password for an index follow
# What a command with a credential of AWS keeps of a job's variables; the runner sets GITHUB_* and RUNNER_* anew for
# each step.
# Source: https://docs.github.com/actions/reference/workflows-and-actions/variables
_JOB = (
    *("GITHUB_*", "RUNNER_*", "ACTIONS_ID_TOKEN_REQUEST_*", "CI"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"),
    *("TMPDIR", "GIT_CEILING_DIRECTORIES", "SANDBOX_RUN", "PIPELINE_TIMINGS"),
)
_PROGRAMS = "/usr/bin:/bin:/usr/local/bin:/opt/homebrew/bin:/opt/local/bin:/run/current-system/sw/bin"
_ENDPOINT = "AWS_ENDPOINT_URL*"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def bare(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a tool that needs no registry and no user's settings, in UTF-8 and UTC."""
    return {name: value for name, value in environ.items() if name in _BARE} | _SETTLED


def kept(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for any other program: the same, the user's folders, and how registries are reached."""
    chosen = {name: value for name, value in environ.items() if name in _KEPT or name.startswith(INDEX)}
    return chosen | _SETTLED


def confine() -> None:
    """In a job that holds a credential of AWS, drop what an earlier step may have written for this process.

    That is every variable that decides which programs run (PATH, HOME with its .gitconfig, AWS_CONFIG_FILE with its
    credential_process), where is asked (AWS_ENDPOINT_URL, proxies), and who is believed (SSL_CERT_FILE). An endpoint on
    loopback stays, which is the sandbox's: whoever listens there runs code in this job anyway. A job with GitHub's
    token alone keeps all: the plan builds bundles, from wherever an organization has its packages.
    """
    world = os.environ
    if world.get("RUNNER_ENVIRONMENT") != "github-hosted" or not world.get("AWS_ACCESS_KEY_ID"):
        return
    left = _matching(_JOB)
    near = {name: value for name, value in _matching((_ENDPOINT,)).items() if _is_near(value)}
    if near and "AWS_CA_BUNDLE" in world:
        near["AWS_CA_BUNDLE"] = world["AWS_CA_BUNDLE"]
    nowhere = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    _become(left | near | nowhere | _SETTLED | {"PATH": _PROGRAMS})


def _is_near(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _LOOPBACK
    except ValueError:
        return False


def _matching(patterns: Iterable[str]) -> dict[str, str]:
    """This process's variables whose names match."""
    wanted = tuple(patterns)
    return {
        name: value
        for name, value in os.environ.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in wanted)
    }


def _become(world: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(world):
        del os.environ[name]
    os.environ.update(world)


def settle(also: Iterable[str] = ()) -> None:
    """Make this process's own world the same, for the tests; variables that match a pattern of `also` are kept."""
    _become(_matching(also) | kept(os.environ))
    os.umask(UMASK)
    time.tzset()
