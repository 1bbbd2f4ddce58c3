"""The environments side by side: every setting of samconfig.toml, and what differs between them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from pipeline.gate.findings import Finding
from pipeline.source.environments import SAMCONFIG, Environment
from pipeline.source.secrets import form, named
from pipeline.source.stacks import Stack

SAME, BY_NAME, DIFFERS = "same", "by name", "differs"
HIDDEN = "(hidden: it may be a secret)"
_SHOWN = (
    ("global", "stack_name"),
    ("global", "region"),
    ("pipeline", "account"),
    ("pipeline", "deploy_role"),
    ("pipeline", "promote_from"),
    ("deploy", "role_arn"),
    ("deploy", "s3_bucket"),
    ("deploy", "s3_prefix"),
    ("deploy", "capabilities"),
    ("deploy", "fail_on_empty_changeset"),
    ("deploy", "tags"),
)


@dataclass(frozen=True)
class Row:
    """One setting, template parameter or resource: its value in each environment, None where it has none.

    `verdict` is "same", "by name" (equal but for the environment's own name and account) or "differs".
    """

    kind: str
    name: str
    values: tuple[str | None, ...]
    verdict: str


def compare(environments: Sequence[Environment], findings: Collection[Finding]) -> tuple[Row, ...]:
    """The settings that any environment has, then the parameters.

    What may be a secret is hidden, since a report travels further than a file: a value whose name or form
    promises one, or on whose line a finding of high or critical severity stands.
    """
    lines = {one.line for one in findings if one.file == SAMCONFIG and one.severity in ("critical", "high")}
    rows = [_row("setting", name, environments, lines, table) for table, name in _SHOWN]
    names = dict.fromkeys(name for one in environments for name in one.parameters)
    rows += [_row("parameter", name, environments, lines) for name in names]
    return tuple(row for row in rows if set(row.values) != {None})


def resources(stacks: Sequence[Stack]) -> tuple[Row, ...]:
    """The resources that some environments have and others lack, as each one's conditions decide.

    `stacks` is the template once per environment, in their order.
    """
    # By name in the source: what the transform makes of one has a digest in its own name.
    found = [{(one.source, one.type) for one in stack.resources.values()} for stack in stacks]
    rows = []
    for name, type_ in sorted(set().union(*found)):
        values = tuple(type_ if (name, type_) in one else None for one in found)
        if None in values:
            rows.append(Row("resource", name, values, DIFFERS))
    return tuple(rows)


def _row(
    kind: str, name: str, environments: Sequence[Environment], lines: Collection[int], table: str = ""
) -> Row:
    values = tuple(_values(name, environments, table))
    bare = {
        value if value is None else _without(value, one)
        for value, one in zip(values, environments, strict=True)
    }
    verdict = SAME if len(set(values)) == 1 else BY_NAME if len(bare) == 1 else DIFFERS
    shown = tuple(
        HIDDEN if value and _hidden(name, value, one, lines, table) else value
        for value, one in zip(values, environments, strict=True)
    )
    return Row(kind, name, shown, verdict)


def _values(name: str, environments: Sequence[Environment], table: str) -> Iterator[str | None]:
    for one in environments:
        if not table:
            yield one.parameters.get(name)
            continue
        given = one.table(table).get(name)
        if isinstance(given, list):
            yield ", ".join(str(item) for item in given)
        elif isinstance(given, bool):
            yield str(given).lower()
        else:
            yield None if given is None else str(given)


def _without(value: str, environment: Environment) -> str:
    """The value with the environment's own name and account taken out."""
    for own, mark in ((environment.account, "{account}"), (environment.name, "{environment}")):
        value = value.replace(own, mark) if own else value
    return value


def _hidden(name: str, value: str, one: Environment, lines: Collection[int], table: str) -> bool:
    line = one.line(name, table) if table else one.parameter_line(name)
    return named(name) or bool(form(value)) or line in lines
