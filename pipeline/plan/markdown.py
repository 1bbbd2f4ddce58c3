"""A plan for people: dangers first, then what the gate says of it, then each environment, folded."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pipeline.base.markdown import escape
from pipeline.base.summary import table
from pipeline.gate.findings import Finding
from pipeline.gate.waivers import Waiver
from pipeline.plan.model import ACTIONS, Cost, Deployed, Effect, Plan, Policy
from pipeline.source import prices

MARK = "<!-- esclusa: plan -->"  # by which the one comment is found again
_MOST = 60_000  # characters; GitHub takes 65,536 in a comment
_SHOWN = 15  # of a list that stands unfolded
_ROWS, _MOST_ROWS = 5, 50  # findings that stand unfolded, and that are told at all
_CUT = "... and more: the whole plan is in the run's files.\n"
_FOLD, _END = "<details>", "</details>"


def render(plan: Plan, head: str = "") -> str:
    """The plan as Markdown. What comes from a template is escaped: a stranger may have written it.

    `head` is the commit that readers know what is merged by, where it isn't the plan's own.
    """
    text = "\n\n".join(_parts(plan, escape(head[:12]) if head else plan.head[:12])) + "\n"
    if len(text) > _MOST:
        text = text[:_MOST].rpartition("\n")[0] + "\n\n"
        text += f"{_END}\n\n" * (text.count(_FOLD) - text.count(_END)) + _CUT
    return text


def _parts(plan: Plan, head: str) -> Iterator[str]:
    groups = _alike(plan)
    yield f"## Plan\n\n`{plan.base[:12]}` → `{head}`: {_summary(plan, groups)}"
    dangers: dict[str, list[str]] = {}
    for effect in plan.effects:
        for text in effect.dangers:
            dangers.setdefault(text, []).append(effect.environment)
    if dangers:
        lines = [f"{escape(text)} ({escape(', '.join(where))})" for text, where in dangers.items()]
        yield f"### Look at these\n\n{_listed(lines)}"
    yield from _policy(plan.policy)
    if plan.loosened:
        rows = [(one.setting, one.before, one.after) for one in plan.loosened]
        yield "### Rules that are loosened\n\nThe gate would let pass what it held before; security owns these files."
        yield table(("setting", "before", "after"), rows)
    if plan.notes:
        yield f"### Besides\n\n{_listed([escape(note) for note in plan.notes])}"
    for names, effect in groups:
        yield _folded(
            f"<b>{escape(', '.join(names))}</b>: {_brief(effect)}", _effect(names, effect, plan.deployed)
        )
    yield _code(plan)


def _alike(plan: Plan) -> list[tuple[list[str], Effect]]:
    """The effects, once for all environments that have the same."""
    groups: dict[Effect, list[str]] = {}
    for one in plan.effects:
        groups.setdefault(replace(one, environment=""), []).append(one.environment)
    return [(names, effect) for effect, names in groups.items()]


def _summary(plan: Plan, groups: list[tuple[list[str], Effect]]) -> str:
    if not any(effect.releases for effect in plan.effects) and not any(a != b for a, b in plan.code.values()):
        return "nothing changes in AWS but the release's own number."
    said = "; ".join(f"{_counts(effect)} in {escape(', '.join(names))}" for names, effect in groups)
    return f"{said}; a new version is published, and the alias moves to it."


def _counts(effect: Effect) -> str:
    """How many resources change, by what happens to them; those that only name a changed one are not counted."""
    counts = {
        action: sum(one.action == action and not one.indirect for one in effect.changes) for action in ACTIONS
    }
    return (
        ", ".join(f"{number} to {action}" for action, number in counts.items() if number)
        or "no resource changes"
    )


def _brief(effect: Effect) -> str:
    """What an environment's part says, in a line."""
    told = [
        (effect.widened, "right added", "rights added"),
        (effect.narrowed, "right taken away", "rights taken away"),
        (effect.opened, "route opens", "routes open"),
        (effect.closed, "route closes", "routes close"),
        (effect.parameters, "parameter differs", "parameters differ"),
    ]
    more = [f"{len(found)} {one if len(found) == 1 else many}" for found, one, many in told if found]
    return ", ".join([_counts(effect), *more, *_sum(effect)])


# What the gate says ---------------------------------------------------------------------------------------


def _policy(policy: Policy) -> Iterator[str]:
    if policy.findings:
        first, others = policy.findings[:_ROWS], policy.findings[_ROWS:_MOST_ROWS]
        yield f"### Findings that are new\n\n{_findings(first)}"
        if others:
            yield _folded(f"{len(policy.findings) - len(first)} more", _findings(others))
        if len(policy.findings) > _MOST_ROWS:
            yield f"{len(policy.findings) - _MOST_ROWS} of them are in the summary of the check alone."
    if policy.waived:
        heads = ("finding", "because", "owner, approver", "until")
        yield "### Waivers that are new\n\n" + table(heads, [_waiver(one) for one in policy.waived])
    if policy.ended:
        gone = [f"{escape(_accepted(one))} ({escape(one.owner)})" for one in policy.ended]
        yield f"Waivers that are gone:\n\n{_listed(gone)}"
    if policy.unjudged:
        yield f"**Not judged**:\n\n{_listed([escape(one) for one in policy.unjudged])}"
    elif not policy.findings and not policy.waived:
        yield "No new finding of policy, no new waiver."


def _findings(found: Iterable[Finding]) -> str:
    return table(("severity", "where", "what", ""), [_finding(one) for one in found])


def _finding(one: Finding) -> tuple[str, str, str, str]:
    about = ", ".join(part for part in (one.resource, one.environment) if part)
    where = f"{one.file}:{one.line}" + (f" ({about})" if about else "")
    return (
        one.severity,
        where,
        f"{one.message} ({one.rule})",
        f"waived: {one.waiver}" if one.waiver else "open",
    )


def _waiver(one: Waiver) -> tuple[str, str, str, str]:
    return (
        _accepted(one),
        f"{one.reason} ({one.ticket})",
        f"{one.owner}, {one.approver}",
        one.expires.isoformat(),
    )


def _accepted(one: Waiver) -> str:
    where = f", {one.environment}" if one.environment else ""
    return f"{one.rule} on {one.resource}{where}: {one.fact}"


# An environment -------------------------------------------------------------------------------------------


def _effect(names: list[str], effect: Effect, deployed: Mapping[str, Deployed]) -> str:
    told = [one for one in effect.changes if not one.indirect or one.action != "change"]
    parts = []
    if told:
        rows = [
            (
                one.action + (" (kept)" if one.kept and one.action in ("remove", "replace") else ""),
                one.resource,
                one.type,
                ", ".join(one.causes) + (" (names what changes)" if one.indirect else ""),
                f"template.yaml:{one.line}",
            )
            for one in told
        ]
        parts.append(table(("action", "resource", "type", "because of", "where"), rows))
    if named := [one for one in effect.changes if one not in told]:
        parts.append(
            f"Written anew, since they name what changes: {', '.join(escape(one.resource) for one in named)}."
        )
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
    if effect.costs:
        parts.append(_cost(effect))
    parts += [_last(name, deployed[name]) for name in names if name in deployed]
    return "\n\n".join(parts) or "No resource changes."


def _sum(effect: Effect) -> list[str]:
    """The cost of what has a price, as a part of a sentence."""
    usd = sum(one.usd for one in effect.costs if one.usd is not None)
    return [f"at least ${abs(usd):,.2f} a month {'more' if usd > 0 else 'less'}"] if usd else []


def _cost(effect: Effect) -> str:
    def said(one: Cost) -> str:
        more = f"{abs(one.more)} {one.what}{'' if abs(one.more) == 1 else 's'} {'more' if one.more > 0 else 'fewer'}"
        return more if one.usd is None else f"{more} (${abs(one.usd):,.2f})"

    known = [said(one) for one in effect.costs if one.usd is not None]
    unknown = [said(one) for one in effect.costs if one.usd is None]
    texts = [f"Cost a month: {', '.join(known)}."] if known else []
    if unknown:
        texts.append(f"Of no known price in this region: {', '.join(unknown)}.")
    return " ".join([*texts, f"By the prices of {prices.table().date}, without calls and traffic."])


def _last(name: str, one: Deployed) -> str:
    when = f"{one.at.astimezone(dt.UTC):%Y-%m-%d at %H:%M} UTC"
    took = "" if one.seconds is None else f", in {_duration(one.seconds)}"
    return f"{escape(name)} was deployed last on {when}{took}: `{escape(one.commit[:12])}`."


def _duration(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"


# The rest -------------------------------------------------------------------------------------------------


def _code(plan: Plan) -> str:
    rows = [
        (name, before[:16] or "none", after[:16] or "none", "changes" if before != after else "the same")
        for name, (before, after) in plan.code.items()
    ]
    changed = [escape(name) for name, (before, after) in plan.code.items() if before != after]
    brief = (
        f"{', '.join(changed)} {'changes' if len(changed) == 1 else 'change'}"
        if changed
        else "no archive changes"
    )
    return _folded(f"<b>Code</b>: {brief}", table(("archive", "before", "after", ""), rows))


def _listed(lines: list[str]) -> str:
    """A list, the end of a long one folded; the lines are Markdown."""
    shown, more = ("\n".join(f"- {line}" for line in part) for part in (lines[:_SHOWN], lines[_SHOWN:]))
    return f"{shown}\n\n{_folded(f'{len(lines) - _SHOWN} more', more)}" if more else shown


def _folded(title: str, text: str) -> str:
    """A part that opens with a click: the empty lines let GitHub read what is in it as Markdown."""
    return f"{_FOLD}<summary>{title}</summary>\n\n{text}\n\n{_END}"
