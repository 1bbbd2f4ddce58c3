"""The worlds of callers: what stands in the environment, the settings and the folders of whoever runs this."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Modules that whoever finds them on the way would import instead of the right ones.
_PLANTED = ("yaml", "json", "pipeline", "sitecustomize", "usercustomize")
_GITCONFIG = """\
[user]
    useConfigOnly = true
[commit]
    gpgSign = true
[tag]
    gpgSign = true
    sort = -refname
[core]
    autocrlf = true
    eol = crlf
    hooksPath = {folder}/hooks
    attributesFile = {folder}/attributes
    pager = false
[color]
    ui = always
[column]
    ui = always
[diff]
    renames = copies
    noprefix = true
[log]
    showSignature = true
[tar]
    umask = 0077
"""


@dataclass(frozen=True)
class World:
    """What a command finds: variables added to a person's few, a mask for new files, and how the project lies there.

    `place` is the folder's name, with the project as a copy; empty where the checkout itself is used.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    umask: int = 0o022
    place: str = ""
    shallow: bool = False
    nobody: bool = False

    def environ(self, home: Path) -> dict[str, str]:
        """The environment; HOME is the person's own unless the world says otherwise."""
        person = {name: os.environ[name] for name in ("PATH", "HOME", "PYENV_ROOT") if name in os.environ}
        cache = os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))
        own = {"HOME": str(home)} if self.nobody else {}
        return {**person, "UV_CACHE_DIR": cache, **self.variables, **own}


def all_of(folder: Path) -> dict[str, World]:
    """Every world. What their variables name is made in `folder`."""
    by_kind = _variables(folder)
    worlds = {name: World(variables) for name, variables in by_kind.items()}
    worlds["umask"] = World(umask=0o077)
    worlds["path"] = World(place="Pröjekt ünd mehr/der  Führung")
    worlds["shallow"] = World(place="shallow", shallow=True)
    worlds["nobody"] = World(place="nobody", nobody=True)
    together = {name: value for variables in by_kind.values() for name, value in variables.items()}
    worlds["together"] = World(together, umask=0o077, place="Alles & jedes 1", shallow=True, nobody=True)
    return worlds


def _variables(folder: Path) -> dict[str, dict[str, str]]:
    planted = folder / "planted"
    planted.mkdir(parents=True)
    for name in _PLANTED:
        (planted / f"{name}.py").write_text(
            f"raise SystemExit('the caller planted {name}')\n", encoding="utf-8"
        )
    home = folder / "settings"
    for name in (".aws", ".config/git", "hooks"):
        (home / name).mkdir(parents=True)
    (home / ".gitconfig").write_text(_GITCONFIG.format(folder=home), encoding="utf-8")
    (home / "attributes").write_text("* text eol=crlf ident\n*.py export-ignore\n", encoding="utf-8")
    (home / ".aws" / "config").write_text(
        "[default]\nregion = mars-north-1\ncredential_process = false\n", encoding="utf-8"
    )
    for name in ("pre-commit", "commit-msg", "post-checkout"):
        hook = home / "hooks" / name
        hook.write_text(f"#!/bin/sh\necho {shlex.quote(name)}\nexit 1\n", encoding="utf-8")
        hook.chmod(0o755)
    for name in ("output", "summary"):  # as on a runner, where whoever runs the job may write them
        (folder / name).touch()
        (folder / name).chmod(0o666)
    github = (
        "ACTOR",
        "SHA",
        "REF",
        "REPOSITORY_ID",
        "RUN_ATTEMPT",
        "WORKFLOW_REF",
        "EVENT_PATH",
        "HEAD_REF",
        "BASE_REF",
    )
    return {
        "GITHUB": {
            **{f"GITHUB_{name}": "the-callers" for name in github},
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "mallory/shop",
            "GITHUB_SERVER_URL": "https://github.example.com",
            "GITHUB_API_URL": "http://127.0.0.1:1",
            "GITHUB_TOKEN": "made-up",
            "GITHUB_RUN_ID": "99",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_REF_TYPE": "tag",
            "GITHUB_REF_NAME": "v9.9.9",
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "made-up",
            "RUNNER_TEMP": "/nonexistent",
            "CI": "true",
        },
        "AWS": {
            "AWS_PROFILE": "nobody",
            "AWS_REGION": "mars-north-1",
            "AWS_DEFAULT_REGION": "mars-north-1",
            "AWS_ACCESS_KEY_ID": "AKIDCALLER",
            "AWS_SECRET_ACCESS_KEY": "made-up",
            "AWS_SESSION_TOKEN": "made-up",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "AWS_ENDPOINT_URL_EXECUTE_API": "http://127.0.0.1:1",
            "AWS_CA_BUNDLE": "/nonexistent",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_USE_FIPS_ENDPOINT": "true",
            "AWS_LAMBDA_FUNCTION_NAME": "callers",
        },
        "PYTHON": {
            "PYTHONPATH": str(planted),
            "PYTHONHOME": "/nonexistent",
            "PYTHONWARNINGS": "error",
            "PYTHONOPTIMIZE": "2",
            "PYTHONUTF8": "0",
            "PYTHONIOENCODING": "ascii",
            "PYTHONCOERCECLOCALE": "0",
            "PYTHONHASHSEED": "1",
            "PYTHONINSPECT": "1",
            "PYTHONUSERBASE": str(planted),
        },
        "PIP and UV": {
            "PIP_NO_INDEX": "1",
            "PIP_TARGET": "/nonexistent",
            "PIP_REQUIRE_VIRTUALENV": "1",
            "UV_PYTHON": "3.8",
            "UV_PROJECT_ENVIRONMENT": "/nonexistent",
            "UV_RESOLUTION": "lowest",
            "UV_EXCLUDE_NEWER": "2001-01-01",
            "UV_LINK_MODE": "symlink",
            "UV_COMPILE_BYTECODE": "1",
            "UV_NO_CACHE": "1",
            "UV_CONSTRAINT": "/nonexistent",
        },
        "GIT": {
            "GIT_DIR": "/nonexistent",
            "GIT_WORK_TREE": "/nonexistent",
            "GIT_INDEX_FILE": "/nonexistent",
            "GIT_OBJECT_DIRECTORY": "/nonexistent",
            "GIT_NAMESPACE": "callers",
            "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z",
            "GIT_AUTHOR_NAME": "Mallory",
            "GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z",
            "GIT_EXTERNAL_DIFF": "false",
            "GIT_DEFAULT_HASH": "sha256",
            "GIT_TRACE": "1",
            "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "core.quotePath",
            "GIT_CONFIG_VALUE_0": "no",
        },
        "settings in HOME": {"HOME": str(home)},
        "locale C": {"LANG": "C", "LC_ALL": "C"},
        "another language": {"LANG": "de_DE.ISO-8859-1", "LC_ALL": "de_DE.ISO-8859-1", "LANGUAGE": "de"},
        "east of the date line": {"TZ": "Pacific/Kiritimati"},
        "west, by half an hour": {"TZ": "America/St_Johns"},
        "what tools heed": {
            "RUFF_SELECT": "ALL",
            "MYPYPATH": str(planted),
            "CKV_SKIP_CHECK": "CKV_AWS_21",
            "GITLEAKS_CONFIG": "/nonexistent",
            "ZIZMOR_CONFIG": "/nonexistent",
            "FORCE_COLOR": "1",
            "COLUMNS": "20",
            "NODE_OPTIONS": "--require /nonexistent",
            "BASH_ENV": "/nonexistent",
            "CDPATH": "/",
        },
    }
