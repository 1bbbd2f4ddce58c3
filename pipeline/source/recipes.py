"""What `make` runs for a target: the recipes that it reaches, and the shells that reading the file starts.

Source: the manual of GNU make, "How make Reads a Makefile", "Functions" and "Automatic Variables". What it can do
beyond the forms that are read here is told, never passed over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

FILES = ("GNUmakefile", "makefile", "Makefile")  # make reads the first of them
_VARIABLE = re.compile(r"(?:(?:override|export|private)\s+)*([\w.-]+)\s*(?:::?:?|[?+])?=\s*(.*)")
_RULE = re.compile(r"([^\t#:=][^:=]*)::?(?!=)(.*)")
_HARMLESS = re.compile(r"(ifn?eq|ifn?def|else|endif|(un)?export)\b.*|\$\((info|warning|error)\s[^$]*\)")
_UNREADABLE = re.compile(r"\$[({](eval|guile|file|value)\b")
# Variables that change who runs a recipe, or what its words mean, but for what they are here.
_DECIDING = re.compile(
    r"SHELL|\.SHELLFLAGS|\.RECIPEPREFIX|(GNU)?MAKEFLAGS|MAKEFILES|PATH|ENV|BASH_ENV|(LD|PYTHON|UV|PIP)(_\w+)?"
)
_MODIFIERS = re.compile(r"((override|export|private)\s+)*")
_AS_USUAL = re.compile(
    r"SHELL\s*:?=\s*/bin/(ba)?sh|\.SHELLFLAGS\s*:?=\s*(-\w+\s+)*(pipefail\s+)?-c|UV\s*:?=\s*\.tools/uv/bin/uv"
)
_REFERENCE = re.compile(r"\$(?:\(([\w.-]+)\)|\{([\w.-]+)\})")
_CALL = re.compile(r"\$\(call\s+([\w-]+)((?:,[^(),]*)*)\)")
_AUTOMATIC = re.compile(r"\$(?:[@<^+*?%|]|\([@<^+*?%][DF]?\))")
_WORD = re.compile(r"[\w./+-]+")
_DEPTH = 10  # of variables in variables


@dataclass(frozen=True)
class Line:
    """A script, in the shell's own words, with the number of its line; an `odd` one couldn't be read."""

    script: str
    number: int
    odd: bool = False


@dataclass
class _Target:
    needs: str = ""
    recipe: list[Line] = field(default_factory=list)


@dataclass
class _Makefile:
    variables: dict[str, str] = field(default_factory=dict)
    targets: dict[str, _Target] = field(default_factory=dict)
    read: list[Line] = field(default_factory=list)  # what isn't a recipe: make expands it while it reads

    def expanded(self, text: str) -> str:
        """The text with the file's variables and calls put in. What make alone knows stays as it is written."""
        for _ in range(_DEPTH):
            before = text
            text = _CALL.sub(lambda found: self._called(found[1], found[2].split(",")[1:]), text)
            text = _REFERENCE.sub(lambda found: self.variables.get(found[1] or found[2], found[0]), text)
            if text == before:
                break
        return text

    def _called(self, name: str, arguments: list[str]) -> str:
        text = self.variables.get(name, "")
        for number, argument in enumerate(arguments, 1):
            text = text.replace(f"$({number})", argument.strip())
        return text


def scripts(text: str, wanted: str) -> Iterator[Line]:
    """Every script that make may run for the targets that begin with `wanted`."""
    makefile = _read(text)
    # Patterns fit anything, and make first makes the makefile itself if there is a rule for it.
    pending = [
        name
        for name in makefile.targets
        if name.startswith((wanted, ".DEFAULT")) or "%" in name or name in FILES
    ]
    reached: set[str] = set()
    while pending:
        name = pending.pop()
        if name in reached:
            continue
        reached.add(name)
        target = makefile.targets[name]
        pending += [
            word for word in _WORD.findall(makefile.expanded(target.needs)) if word in makefile.targets
        ]
        for line in target.recipe:
            script = makefile.expanded(line.script)
            yield Line(_shown(script), line.number)
            yield from (Line(_shown(inner), line.number) for inner in _shells(script))
    for line in makefile.read:
        if line.odd:
            yield line
        yield from (Line(_shown(inner), line.number) for inner in _shells(line.script))


def _read(text: str) -> _Makefile:
    makefile = _Makefile()
    current: list[_Target] = []
    for number, row in _rows(text):
        if row.startswith("\t"):
            for target in current:
                target.recipe.append(Line(row.strip().lstrip("@+- "), number))
            continue
        odd = bool(_UNREADABLE.search(row))
        if variable := _VARIABLE.fullmatch(row.strip()):
            makefile.variables[variable[1]] = variable[2].strip()
            usual = _AS_USUAL.fullmatch(_MODIFIERS.sub("", row.strip(), count=1))
            odd = odd or bool(_DECIDING.fullmatch(variable[1]) and not usual)
        elif rule := _RULE.fullmatch(row):
            needs, _, inline = re.sub(r"\s#.*", "", rule[2]).partition(";")
            odd = odd or "=" in needs.replace("$(call", "")
            current = [
                makefile.targets.setdefault(name, _Target()) for name in makefile.expanded(rule[1]).split()
            ]
            for target in current:
                target.needs += f" {needs}"
                target.recipe += [Line(inline.strip().lstrip("@+- "), number)] if inline.strip() else []
        else:
            odd = odd or not _HARMLESS.fullmatch(row.strip())
        makefile.read.append(Line(row.strip(), number, odd))
    return makefile


def _rows(text: str) -> Iterator[tuple[int, str]]:
    """Rows with those that a backslash goes on in joined, without comments and empty ones."""
    joined, start = "", 0
    for number, row in enumerate(text.splitlines(), 1):
        start = start if joined else number
        joined += row
        if joined.endswith("\\"):
            joined = f"{joined[:-1]} "
            continue
        if joined.strip() and not joined.startswith("#"):
            yield start, joined
        joined = ""


def _shells(text: str) -> Iterator[str]:
    """What stands in each $(shell ...), up to the parenthesis that closes it."""
    for found in re.finditer(r"\$[({]shell\s", text):
        depth, end = 1, found.end()
        while depth and end < len(text):
            depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(text[end], 0)
            end += 1
        yield text[found.end() : end - 1]


def _shown(script: str) -> str:
    """A script as the shell gets it: one word for what make fills in, and $ for $$."""
    for inner in _shells(script):
        script = script.replace(f"$(shell {inner})", "0")
    script = _AUTOMATIC.sub("0", re.sub(r"\$\(\d\)", "0", script))
    return script.replace("$$", "$")
