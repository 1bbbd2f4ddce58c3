"""A plan for people: dangers first, then each environment in a table."""

from pipeline.base.markdown import escape
from pipeline.base.summary import table
from pipeline.plan.model import Effect, Plan

MARK = "<!-- esclusa: plan -->"  # by which the one comment is found again
_MOST = 60_000  # characters; GitHub takes 65,536 in a comment


def render(plan: Plan, head: str = "") -> str:
    """The plan as Markdown. What comes from a template is escaped: a stranger may have written it.

    `head` is the commit that readers know what is merged by, where it isn't the plan's own.
    """
    shown = escape(head[:12]) if head else plan.head[:12]
    parts = [f"## Plan\n\n`{plan.base[:12]}` → `{shown}`: {_summary(plan)}"]
    dangers: dict[str, list[str]] = {}
    for effect in plan.effects:
        for text in effect.dangers:
            dangers.setdefault(text, []).append(effect.environment)
    if dangers:
        lines = [f"- {escape(text)} ({escape(', '.join(where))})" for text, where in dangers.items()]
        parts.append("### Look at these\n\n" + "\n".join(lines))
    if plan.loosened:
        rows = [(one.setting, one.before, one.after) for one in plan.loosened]
        head = "### Rules that are loosened\n\nThe gate would let pass what it held before; security owns these files."
        parts += [head, table(("setting", "before", "after"), rows)]
    if plan.notes:
        parts.append("### Besides\n\n" + "\n".join(f"- {escape(note)}" for note in plan.notes))
    parts += [_effect(effect) for effect in plan.effects]
    parts.append(_code(plan))
    text = "\n\n".join(parts) + "\n"
    if len(text) > _MOST:
        text = text[:_MOST].rpartition("\n")[0] + "\n\n... and more: the whole plan is in the run's files.\n"
    return text


def _summary(plan: Plan) -> str:
    if not any(effect.releases for effect in plan.effects) and not any(a != b for a, b in plan.code.values()):
        return "nothing changes in AWS but the release's own number."
    counts: dict[str, int] = {}
    for effect in plan.effects[:1]:
        for change in effect.changes:
            counts[change.action] = counts.get(change.action, 0) + 1
    said = ", ".join(f"{number} to {action}" for action, number in counts.items()) or "no resource changes"
    where = plan.effects[0].environment if plan.effects else ""
    return f"{said} in {escape(where)}; a new version is published, and the alias moves to it."


def _effect(effect: Effect) -> str:
    parts = [f"### {escape(effect.environment)}"]
    if effect.changes:
        rows = [
            (
                one.action + (" (kept)" if one.kept and one.action in ("remove", "replace") else ""),
                one.resource,
                one.type,
                ", ".join(one.causes) + (" (names what changes)" if one.indirect else ""),
                f"template.yaml:{one.line}",
            )
            for one in effect.changes
        ]
        parts.append(table(("action", "resource", "type", "because of", "where"), rows))
    else:
        parts.append("No resource changes.")
    for title, found in (
        ("Rights that are added", effect.widened),
        ("Rights that are taken away", effect.narrowed),
        ("Routes that open", effect.opened),
        ("Routes that close", effect.closed),
    ):
        if found:
            parts.append(f"{title}:\n\n" + "\n".join(f"- {escape(text)}" for text in found))
    if effect.parameters:
        parts.append(table(("parameter", "before", "after"), effect.parameters))
    return "\n\n".join(parts)


def _code(plan: Plan) -> str:
    rows = [
        (name, before[:16] or "none", after[:16] or "none", "changes" if before != after else "the same")
        for name, (before, after) in plan.code.items()
    ]
    return "### Code\n\n" + table(("archive", "before", "after", ""), rows)
