"""The environments that samconfig.toml defines, as the gate reads them."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.source import samconfig
from pipeline.source.configuration import FILE
from pipeline.source.located import Document, Place
from pipeline.source.samconfig import Assignment

SAMCONFIG = FILE
LAPTOP_ACCOUNT = "000000000000"  # no AWS account has this id: the laptop's emulator does


@dataclass(frozen=True)
class Environment:
    """One environment's tables. `parameters` are the overrides by name, values as AWS gets them (text)."""

    name: str
    document: Document = field(repr=False)
    parameters: dict[str, str]

    @property
    def overrides(self) -> list[Assignment]:
        """The overrides in the file's order, also one that is given twice."""
        found = samconfig.assignments(self.setting("parameter_overrides"))
        return [one for one in found if isinstance(one, Assignment)]

    def table(self, command: str) -> dict[str, Any]:
        """The parameters of [NAME.COMMAND.parameters]; empty when there is no such table."""
        return samconfig.table(self.document.data.get(self.name), command)

    def setting(self, name: str) -> Any:
        """A setting of the deploy table, or of the global one; None when neither has it."""
        deploy, common = self.table("deploy"), self.table("global")
        return deploy[name] if name in deploy else common.get(name)

    @property
    def region(self) -> str:
        """Where it lies; empty where that isn't said, which is a finding."""
        return str(self.setting("region") or "")

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
        for one in self.overrides:
            if one.name == name:
                return self.document.line(*place, one.index)
        return self.document.line(*place)


def environments(document: Document) -> tuple[Environment, ...]:
    """The environments, in the file's order. What can't be taken as it is written is left out of `parameters`."""
    bare = [Environment(name, document, {}) for name in samconfig.environment_names(document.data)]
    return tuple(
        Environment(one.name, document, {pair.name: pair.value for pair in one.overrides}) for one in bare
    )
