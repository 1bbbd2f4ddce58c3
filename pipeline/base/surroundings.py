"""What of the caller's world reaches the programs and tests that are started here: nothing that decides a verdict.

The list says what is kept, not what is dropped: nobody knows every variable that some tool heeds.
"""

import fnmatch
import os
import time
from collections.abc import Iterable, Mapping

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


def bare(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a tool that needs no registry and no user's settings, in UTF-8 and UTC."""
    return {name: value for name, value in environ.items() if name in _BARE} | _SETTLED


def kept(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for any other program: the same, the user's folders, and how registries are reached."""
    chosen = {name: value for name, value in environ.items() if name in _KEPT or name.startswith(INDEX)}
    return chosen | _SETTLED


def settle(also: Iterable[str] = ()) -> None:
    """Make this process's own world the same, for the tests; variables that match a pattern of `also` are kept."""
    patterns = tuple(also)
    left = {
        name: value
        for name, value in os.environ.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }
    settled = left | kept(os.environ)
    for name in set(os.environ) - set(settled):
        del os.environ[name]
    os.environ.update(settled)
    os.umask(UMASK)
    time.tzset()
