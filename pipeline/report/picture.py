"""The trust matrix as a picture: jobs to the left, roles to the right, a line where one can become the other."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from pipeline.iam.rows import Entry

_LEFT, _RIGHT, _WIDTH = 390, 570, 900  # where the boxes of the jobs end and those of the roles begin
_STEP, _BOX, _TOP = 44, 30, 34


def draw(entries: Sequence[Entry]) -> Markup:
    """An inline SVG, coloured by the page's style sheet. Lines beyond the intended ones are broken and thick."""
    jobs, roles = _places(one.who for one in entries), _places(one.role for one in entries)
    height = _TOP + _STEP * max(len(jobs), len(roles))
    parts = [
        Markup(
            '<svg class="trust" viewBox="0 0 {} {}" role="img" aria-labelledby="trust-title trust-desc">'
        ).format(_WIDTH, height),
        Markup('<title id="trust-title">Who can become whom</title><desc id="trust-desc">{}</desc>').format(
            _words(entries)
        ),
        Markup(
            '<text class="head" x="10" y="20">Job</text><text class="head" x="{}" y="20">Role</text>'
        ).format(_RIGHT),
    ]
    lines = {(one.who, one.role): _kind(one) for one in entries if one.allowed and not one.wrong}
    lines |= {(one.who, one.role): _kind(one) for one in entries if one.wrong}
    for (who, role), kind in lines.items():
        parts.append(
            Markup('<path class="{}" d="M{} {} C{} {} {} {} {} {}"/>').format(
                kind, _LEFT, jobs[who], _LEFT + 90, jobs[who], _RIGHT - 90, roles[role], _RIGHT, roles[role]
            )
        )
    parts += [_box(name, 2, _LEFT - 2, middle) for name, middle in jobs.items()]
    parts += [_box(name, _RIGHT, _WIDTH - _RIGHT - 2, middle) for name, middle in roles.items()]
    return Markup("").join([*parts, Markup("</svg>")])


def _places(names: Iterable[str]) -> dict[str, int]:
    """The height of each name's middle, in the order in which the names come."""
    return {name: _TOP + _STEP * index + _BOX // 2 for index, name in enumerate(dict.fromkeys(names))}


def _box(name: str, left: int, width: int, middle: int) -> Markup:
    most = width // 8
    shown = name if len(name) <= most else f"{name[: most - 1]}…"
    return Markup(
        '<g><title>{}</title><rect x="{}" y="{}" width="{}" height="{}" rx="6"/><text x="{}" y="{}">{}</text></g>'
    ).format(name, left, middle - _BOX // 2, width, _BOX, left + 10, middle + 5, shown)


def _kind(entry: Entry) -> str:
    if not entry.wrong:
        return "meant"
    return "extra" if entry.allowed else "missing"


def _words(entries: Sequence[Entry]) -> str:
    allowed = dict.fromkeys((one.who, one.role, one.wrong) for one in entries if one.allowed)
    said = [
        f"{who} can become {role}{', which is not intended' if wrong else ''}" for who, role, wrong in allowed
    ]
    return "; ".join(said) or "Nobody can become any role"
