"""Packages, tools and scripts that a job fetches without a digest."""

import re
from collections.abc import Iterator

from pipeline.source.duties import mapping
from pipeline.source.project import Project
from pipeline.source.scripts import Command, commands
from pipeline.source.violations import Violation
from pipeline.source.workflows import WorkflowStep

_RUNNERS = {"npx", "uvx", "pipx", "bunx", "pnpx", "brew", "easy_install", "snap"}
_SHELLS = {"bash", "sh", "zsh", "dash", "python", "python3", "node", "perl", "ruby", "source", "eval"}
_INSTALLING = {
    "npm": {"install", "i", "add", "exec", "update"},
    "yarn": {"add", "dlx", "global"},
    "pnpm": {"add", "dlx", "install", "i"},
    "gem": {"install"},
    "go": {"install", "get", "run"},
    "cargo": {"install"},
    "poetry": {"add", "update"},
    "conda": {"install"},
}
# What brings code, images or system packages that no digest pins.
_BRINGING = {
    "apt-get": {"install", "upgrade"},
    "apt": {"install", "upgrade"},
    "yum": {"install"},
    "dnf": {"install"},
    "apk": {"add"},
    "docker": {"run", "pull"},
    "podman": {"run", "pull"},
    "git": {"clone"},
    "gh": {"extension"},
}
# Actions that say by their name that they install something, and inputs that say of what version.
_INSTALLER = re.compile(r"(^|[-_/])(setup|install|installer|toolchain)([-_/]|$)")
_VERSION = re.compile(r"(^|[-_])versions?([-_]|$)")
_PINNING = re.compile(r"checksum|digest|hash|integrity|sha-?\d")
_DIGEST = re.compile(r"(sha(256|384|512)[:-])?([0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})", re.IGNORECASE)
_SAVING = ("-o", "-O", "--output", "--remote-name", "-sSLo", "-fsSLo")
_FROM_NETWORK = re.compile(r"<\(\s*(curl|wget)\b|\$\(\s*(curl|wget)\b")


def check(project: Project) -> Iterator[Violation]:
    for one in project.automations:
        for step in one.steps:
            if fetched := _fetched(step):
                fact = f"{step.path}: {step.uses.partition('@')[0]}"
                yield Violation(f"step {step.name!r} {fetched}", one.file, step.line("uses"), fact=fact)
            rows = step.run.splitlines()
            found = list(commands(step.run))
            for index, command in enumerate(found):
                after = found[index + 1] if index + 1 < len(found) else None
                if why := _why(command, after) or _network(rows[command.row]):
                    line = step.line_of(rows[command.row].strip(), "run")
                    yield Violation(
                        f"step {step.name!r} {why}",
                        one.file,
                        line,
                        fact=f"{step.path}: {command.program} in {rows[command.row]}",
                    )


def _fetched(step: WorkflowStep) -> str:
    """Why an action brings what no digest pins: its own commit is pinned, what it downloads is not."""
    action, local = step.uses.partition("@")[0].lower(), step.uses.startswith("./")
    if not action or local or action.startswith("docker:"):
        return ""
    given = mapping(step.body.get("with"))
    versions = [name for name in given if _VERSION.search(str(name).lower())]
    if not versions and not _INSTALLER.search(action):
        return ""
    pins = [str(value).strip() for name, value in given.items() if _PINNING.search(str(name).lower())]
    if any(_DIGEST.fullmatch(pin) for pin in pins):
        return ""
    return f"has {action} download a tool by its version alone"


def _why(command: Command, after: Command | None) -> str:
    words = list(command.words[1:])
    named = next((word for word in words if not word.startswith("-")), "")
    if named in _BRINGING.get(command.program, ()):
        return f"brings in what {command.program} {named} finds, by name alone"
    if command.program in _RUNNERS:
        return f"runs whatever {command.program} fetches"
    if command.program in ("curl", "wget"):
        if command.after in ("|", "|&") and after and after.program in _SHELLS:
            return "pipes a download into a shell"
        if any(word.startswith("http://") for word in words):
            return "downloads over plain HTTP"
        saved = {words[index + 1] for index, word in enumerate(words[:-1]) if word in _SAVING}
        if after and (saved | {f"./{one}" for one in saved}) & set(after.words):
            return "runs what it downloads" if after.program not in ("sha256sum", "shasum") else ""
    if command.program.startswith("pip") or (
        command.program.startswith("python") and words[:2] == ["-m", "pip"]
    ):
        return _pip(words)
    if command.program == "uv":
        return _uv(words)
    wanted = _INSTALLING.get(command.program, set())
    locked = command.program == "cargo" and "--locked" in words
    return f"{command.program} {named} takes packages by name alone" if named in wanted and not locked else ""


def _pip(words: list[str]) -> str:
    taking = {"install", "download", "wheel"} & set(words)
    return "pip takes packages without their hashes" if taking and "--require-hashes" not in words else ""


def _uv(words: list[str]) -> str:
    if words[:1] == ["pip"]:
        return _pip(words)
    if words[:1] == ["tool"] or words[:2] == ["add", ""] or words[:1] == ["add"]:
        return f"uv {words[0]} takes packages by name alone"
    locked = {"--locked", "--frozen"} & set(words)
    taken = {"--with", "--with-requirements"} & set(words)
    if words[:1] in (["sync"], ["run"]) and (not locked or taken):
        return f"uv {words[0]} may take other packages than the lock's"
    return ""


def _network(row: str) -> str:
    return "runs what it downloads" if _FROM_NETWORK.search(row) else ""
