"""samconfig.toml as it is written: the parsed file, and why a setting in it can't be taken."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from pipeline.source.located import Document, DocumentError, Place
from pipeline.source.located import read as read_document

FILE = "samconfig.toml"
VERSION, DEFAULT, APPLICATION = "version", "default", "application"  # what is no environment


@dataclass(frozen=True)
class Fault:
    """Why a setting can't be taken as it is written. `changed`: sam would read it, but as another value.

    `depth` is how many steps of `place` name the table that the setting is in.
    """

    place: Place
    message: str
    hint: str = ""
    parameter: str = ""
    changed: bool = False
    depth: int = 3

    @property
    def told(self) -> str:
        """The fault with the table that it is in."""
        return f"[{'.'.join(map(str, self.place[: self.depth]))}] {self.message}"


def document(folder: Path) -> Document:
    """`folder`/samconfig.toml, parsed. Raises ConfigurationError."""
    path = folder / FILE
    if not path.is_file():
        raise ConfigurationError(f"{path} does not exist.", "Run in the repository's top folder.")
    try:
        return read_document(path, FILE)
    except DocumentError as error:
        raise ConfigurationError(
            f"{FILE}:{error.line}: {FILE} {error.message}.", "Mend that line."
        ) from error


def refusal(settings: Document, fault: Fault) -> ConfigurationError:
    """The error that a fault is to whoever needs the setting."""
    return ConfigurationError(f"{FILE}:{settings.line(*fault.place)}: {fault.told}.", fault.hint)
