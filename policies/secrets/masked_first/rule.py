"""Values handed on through a file of the runner's before they are masked, and secrets that never are.

Source: "Masking a value in a log" and "Masking and passing a secret between jobs or workflows" in GitHub's "Workflow
commands": a mask holds from the moment that it is printed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.source import secrets
from pipeline.source.duties import mapping, steps
from pipeline.source.project import Project
from pipeline.source.violations import Violation
from pipeline.source.workflows import WorkflowStep

_FILE = re.compile(
    r"""(?:>>?\s*|\btee\s+(?:-a\s+|--append\s+)?|\b(?:Out-File|Add-Content)\b.*)"""
    r"""["']?\$\{?(?:env:|\{\s*)?((?:GITHUB_|github\.)(?:ENV|OUTPUT|STATE|env|output|state))\b"""
    r"|::(set-output|save-state)\s+name="
)
_MASK = re.compile(r"::add-mask::(.*)", re.DOTALL)
# $NAME, ${NAME}, $env:NAME, ${{ env.NAME }}, ${{ steps.ID.outputs.NAME }}, or a whole substitution
_VALUE = re.compile(
    r"\$\{?(?:env:)?([A-Za-z_]\w*)|\$\{\{\s*(?:env|steps\.[\w-]+\.outputs)\.([\w-]+)\s*\}\}|(\$\([^()]*\))"
)
_ASSIGNED = re.compile(r"""(?:^|[\s({])\$?(?:env:)?([A-Za-z_]\w*)\s?=\s?(.*)""", re.DOTALL)
_KEY = re.compile(r"(?:^|[\s\"'\n])([A-Za-z_][\w-]*)(?==|<<)|name=([\w-]+)::")
_GENERATED = re.compile(
    r"openssl\s+(rand|genrsa|genpkey)|/dev/u?random|\b(uuidgen|pwgen|apg|mkpasswd|ssh-keygen)\b|gpg\s+--gen-random"
    r"|secrets\.token_|uuid\.uuid4|randomBytes|randomUUID|Get-Random|get-random-password|get-session-token|assume-role"
    r"|get-login-password|get-authorization-token|generate-db-auth-token|gh\s+auth\s+token|\bvault\s+(read|kv)"
)
_ALREADY_MASKED = re.compile(r"\$\{\{\s*(secrets\.|github\.token\b)")
# One command each: what quotes hold together stays together.
_PIECE = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|&(?!&)|\|(?!\|)|[^;&|\n'"\\]|['"\\])+""", re.DOTALL)
_HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)")
_OPENS = re.compile(r"\s*(\{|\(|for\b|while\b|until\b|if\b)")
_CLOSES = re.compile(r"\s*(\}|\)|done\b|fi\b)")


@dataclass
class _Piece:
    """One command of a step; `file` is the runner's file that its output goes to."""

    step: WorkflowStep
    text: str
    file: str = ""

    @property
    def masked(self) -> set[str]:
        """What the command masks. A mask that goes into a file is none."""
        found = _MASK.search(self.text)
        if found is None or _FILE.search(found[1]) or self.file:
            return set()
        given = mapping(self.step.body.get("env"))
        names = _names(found[1])
        return names | {inner for name in names for inner in _names(str(given.get(name, "")))}


@dataclass
class _Known:
    """What is known of a job's values so far."""

    masked: set[str] = field(default_factory=set)
    secret: set[str] = field(default_factory=set)  # made by chance, or handed out as a key
    same: dict[str, str] = field(default_factory=dict)  # names for a value that has another name too

    def one(self, names: set[str]) -> set[str]:
        return {self.same.get(name, name) for name in names}


def check(project: Project) -> Iterator[Violation]:
    found: list[Violation] = []
    for workflow in project.workflows:
        for job in workflow.jobs:
            found += _job([piece for step in steps(project, job) for piece in _pieces(step)])
    for action in project.actions:
        found += _job([piece for step in action.steps for piece in _pieces(step)])
    yield from dict.fromkeys(found)


def _job(pieces: Sequence[_Piece]) -> Iterator[Violation]:
    known = _Known()
    for index, piece in enumerate(pieces):
        if assigned := _ASSIGNED.search(piece.text):
            _assign(assigned[1], assigned[2].strip("\"' \t\n"), known)
        if piece.file:
            later = set().union(*(one.masked for one in pieces[index + 1 :]))
            yield from _written(piece, known, known.one(later))
        known.masked |= known.one(piece.masked)


def _assign(name: str, value: str, known: _Known) -> None:
    alias = _VALUE.fullmatch(value.rstrip("}")) or _VALUE.fullmatch(value)
    if alias and not alias[3]:
        known.same[name] = known.same.get(alias[1] or alias[2], alias[1] or alias[2])
    elif _GENERATED.search(value) or known.one(_names(value)) & known.secret:
        known.secret.add(name)


def _written(piece: _Piece, known: _Known, later: set[str]) -> Iterator[Violation]:
    given = mapping(piece.step.body.get("env"))
    hidden = {str(name) for name, value in given.items() if _ALREADY_MASKED.search(str(value))}
    names = known.one(_names(piece.text) - hidden) - {"GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STATE"}
    keys = {one or other for one, other in _KEY.findall(piece.text)}
    unmasked = names - known.masked
    if unmasked and (later & unmasked or later & keys):
        yield _at(piece, f"writes a value to {piece.file} before it is masked")
    elif _GENERATED.search(piece.text) or unmasked & known.secret:
        yield _at(piece, f"writes a secret that it made to {piece.file}, and never masks it")
    elif unmasked and any(map(secrets.named, keys)):
        yield _at(piece, f"writes what is called a secret to {piece.file}, and never masks it")


def _names(text: str) -> set[str]:
    return {"".join(found) for found in _VALUE.findall(text)}


def _pieces(step: WorkflowStep) -> list[_Piece]:
    """The commands of a step, in their order; those of a block or a here-document have the file of the whole."""
    found: list[_Piece] = []
    opened: list[int] = []
    until, file = "", ""
    for match in _PIECE.finditer(step.run):
        piece = _Piece(step, match[0])
        target = _FILE.search(piece.text)
        if until:
            piece.file = file
            until = "" if piece.text.strip() == until else until
        elif target:
            piece.file = target[1] or target[2]
        if _OPENS.match(piece.text):
            opened.append(len(found))
        elif _CLOSES.match(piece.text):
            start = opened.pop() if opened else 0
            for inner in found[start:] if piece.file else ():
                inner.file = inner.file or piece.file
        if (
            not until
            and (document := _HEREDOC.search(piece.text))
            and not piece.text.strip().startswith("echo")
        ):
            until, file = document[1], piece.file
        if not piece.text.lstrip().startswith("#"):
            found.append(piece)
    return found


def _at(piece: _Piece, message: str) -> Violation:
    row = piece.text.strip().split("\n", 1)[0]
    step, line = piece.step, piece.step.line_of(row, "run")
    return Violation(
        f"step {step.name!r} {message}", step.document.file, line, fact=f"{step.path}: {piece.text}"
    )
