"""The environments that samconfig.toml defines, as the gate reads them."""

import shlex
from dataclasses import dataclass, field
from typing import Any

from pipeline.gate.located import Document, Place, Step

SAMCONFIG = "samconfig.toml"
LAPTOP_ACCOUNT = "000000000000"  # no AWS account has this id: the laptop's emulator does
_NOT_ENVIRONMENTS = {"version", "default"}


@dataclass(frozen=True)
class Environment:
    """One environment's tables. `parameters` are the overrides by name, values as AWS gets them (text)."""

    name: str
    document: Document = field(repr=False)
    parameters: dict[str, str]

    def table(self, command: str) -> dict[str, Any]:
        """The parameters of [NAME.COMMAND.parameters]; empty when there is no such table."""
        found = self.document.data.get(self.name, {})
        for key in (command, "parameters"):
            found = found.get(key, {}) if isinstance(found, dict) else {}
        return found if isinstance(found, dict) else {}

    def setting(self, name: str) -> Any:
        """A setting of the deploy table, or of the global one; None when neither has it."""
        deploy, common = self.table("deploy"), self.table("global")
        return deploy[name] if name in deploy else common.get(name)

    @property
    def region(self) -> str:
        return str(self.setting("region") or "eu-west-1")

    @property
    def stack_name(self) -> str:
        return str(self.setting("stack_name") or f"unnamed-{self.name}")

    @property
    def account(self) -> str | None:
        found = self.table("pipeline").get("account")
        return str(found) if found is not None else None

    @property
    def laptop(self) -> bool:
        """Whether this is the stack on a developer's own emulator, which no workflow deploys."""
        return self.account == LAPTOP_ACCOUNT

    def place(self, setting: str, command: str = "deploy") -> Place:
        """The path of a setting in samconfig.toml: in COMMAND's table, else in the global one."""
        own = (self.name, command, "parameters", setting)
        common = (self.name, "global", "parameters", setting)
        return common if not self.document.has(*own) and self.document.has(*common) else own

    def line(self, setting: str, command: str = "deploy") -> int:
        return self.document.line(*self.place(setting, command))

    def parameter_line(self, name: str) -> int:
        """The line of the override NAME=..., else of the list of overrides."""
        place = self.place("parameter_overrides")
        overrides = self.setting("parameter_overrides")
        if isinstance(overrides, list):
            for index, text in enumerate(overrides):
                if str(text).split("=", 1)[0].strip() == name:
                    return self.document.line(*place, index)
        return self.document.line(*place)


def environments(document: Document) -> tuple[Environment, ...]:
    """Every top-level table that has a `deploy` or `global` table, in the file's order."""
    found = []
    for name, tables in document.data.items():
        if name in _NOT_ENVIRONMENTS or not isinstance(tables, dict):
            continue
        bare = Environment(name, document, {})
        found.append(Environment(name, document, _overrides(bare.setting("parameter_overrides"))))
    return tuple(found)


def _overrides(value: Any) -> dict[str, str]:
    """Overrides as sam reads them: a list of KEY=VALUE, or one text with the same, quoted as in a shell."""
    if isinstance(value, str):
        try:
            items: list[Step] = list(shlex.split(value))
        except ValueError:
            items = list(value.split())
    else:
        items = list(value) if isinstance(value, list) else []
    pairs = (str(item).split("=", 1) for item in items)
    return {pair[0].strip(): _bare(pair[1]) for pair in pairs if len(pair) == 2}


def _bare(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
