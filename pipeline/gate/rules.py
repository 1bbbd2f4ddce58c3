"""Own rules: a folder each, found by looking, so that a new one touches no shared file."""

import importlib.util
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.base.errors import ConfigurationError
from pipeline.gate.findings import SEVERITIES
from pipeline.source.project import Project
from pipeline.source.violations import Violation

_ID = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
FRAMEWORKS = {
    "NIST": "NIST SP 800-53 Rev. 5",
    "CIS": "CIS AWS Foundations Benchmark 3.0",
    "FSBP": "AWS Foundational Security Best Practices",
    "OWASP": "OWASP Top 10 CI/CD Security Risks",
}
_FIELDS = {"title", "severity", "controls", "rationale", "remediation", "surface"}


type Check = Callable[[Project], Iterable[Violation]]


@dataclass(frozen=True)
class Rule:
    """A rule's metadata and its check."""

    id: str
    group: str
    title: str
    severity: str
    controls: tuple[str, ...]
    rationale: str
    remediation: str
    surface: str
    folder: Path = field(repr=False, compare=False)
    check: Check = field(repr=False, compare=False)

    def fixtures(self, kind: str) -> Iterator[Path]:
        """The files and folders named `kind` (good or bad), or `kind-SOMETHING`."""
        for path in sorted(self.folder.iterdir()):
            if re.fullmatch(rf"{kind}(-[a-z0-9-]+)?", path.name.split(".", 1)[0]):
                yield path


def folders(policies: Path) -> list[Path]:
    """The rule folders: policies/GROUP/ID."""
    return sorted(path.parent for path in policies.glob("*/*/rule.toml"))


def load(policies: Path) -> tuple[Rule, ...]:
    """Every rule below `policies`. Raises ConfigurationError when one is incomplete: a rule that silently
    doesn't load would be a check that silently doesn't happen."""
    rules = [_load(folder) for folder in folders(policies)]
    if not rules:
        raise ConfigurationError(f"no rules in {policies}", "Run the command of a whole checkout.")
    stray = {path for path in policies.glob("*/*") if _holds_files(path)} - {rule.folder for rule in rules}
    if stray:
        raise ConfigurationError(f"{min(stray)} has no rule.toml", "Add it, or remove the folder.")
    seen: dict[str, Path] = {}
    for rule in rules:
        if rule.id in seen:
            raise ConfigurationError(
                f"two rules are called {rule.id}: {seen[rule.id]}, {rule.folder}", "Rename one."
            )
        seen[rule.id] = rule.folder
    return tuple(rules)


def _holds_files(path: Path) -> bool:
    """Whether a folder holds anything but what Python left of a rule that is gone."""
    return (
        path.name != "__pycache__" and path.is_dir() and any(p.name != "__pycache__" for p in path.iterdir())
    )


def _load(folder: Path) -> Rule:
    path = folder / "rule.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}", "Mend the file.") from error
    missing = _FIELDS - {"surface"} - data.keys()
    unknown = data.keys() - _FIELDS
    if missing or unknown:
        what = f"lacks {sorted(missing)}" if missing else f"has unknown keys {sorted(unknown)}"
        raise ConfigurationError(f"{path} {what}", f"A rule has {sorted(_FIELDS)}.")
    if data["severity"] not in SEVERITIES:
        raise ConfigurationError(
            f"{path}: severity {data['severity']!r}", f"Use one of {', '.join(SEVERITIES)}."
        )
    for control in data["controls"]:
        if control.partition(" ")[0] not in FRAMEWORKS:
            raise ConfigurationError(
                f"{path}: control {control!r}", f"Begin with one of {', '.join(FRAMEWORKS)}."
            )
    if not _ID.fullmatch(folder.name):
        raise ConfigurationError(
            f"{folder}: a rule's id is words of a-z and 0-9 joined by _", "Rename the folder."
        )
    return Rule(
        id=folder.name,
        group=folder.parent.name,
        title=data["title"],
        severity=data["severity"],
        controls=tuple(data["controls"]),
        rationale=data["rationale"].strip(),
        remediation=data["remediation"].strip(),
        surface=data.get("surface", "template.yaml"),
        folder=folder,
        check=_check(folder),
    )


def _check(folder: Path) -> Check:
    path = folder / "rule.py"
    if not path.is_file():
        raise ConfigurationError(f"{folder} has no rule.py", "Add the rule's check.")
    name = f"policies.{folder.parent.name}.{folder.name}.rule"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{path} can't be imported", "Mend the file.")
    module: Any = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigurationError(f"{path} can't be imported: {error}", "Mend the rule.") from error
    check = getattr(module, "check", None)
    if not callable(check):
        raise ConfigurationError(f"{path} defines no check(project)", "Define it.")
    return check  # type: ignore[no-any-return]
