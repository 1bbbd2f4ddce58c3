"""GitHub's two kinds of name patterns: workflow filters, and deployment branch and tag rules."""

import re
from collections.abc import Iterable


def filter_pattern(pattern: str) -> re.Pattern[str]:
    """A workflow filter (`branches`, `tags`, `paths`) as a regular expression, without a leading `!`.

    `*` is any text without `/`, `**` any text, `?` and `+` repeat what is before them, `[]` is one character.
    Source: GitHub's "Workflow syntax", filter pattern cheat sheet.
    """
    out, at = "", 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/"):
            out, at = out + "(?:.*/)?", at + 3
        elif rest.startswith("**"):
            out, at = out + ".*", at + 2
        elif rest[0] == "*":
            out, at = out + "[^/]*", at + 1
        elif rest[0] in "?+":
            out, at = out + rest[0], at + 1
        elif rest[0] == "[" and "]" in rest:
            end = rest.index("]")
            out, at = out + "[" + rest[1:end].replace("\\", r"\\") + "]", at + end + 1
        elif rest[0] == "\\" and len(rest) > 1:
            out, at = out + re.escape(rest[1]), at + 2
        else:
            out, at = out + re.escape(rest[0]), at + 1
    return re.compile(out)


def matches(patterns: Iterable[str], name: str) -> bool:
    """Whether a filter lets `name` through: the last pattern that fits decides, `!` takes out again."""
    included = False
    for pattern in patterns:
        if filter_pattern(pattern.removeprefix("!")).fullmatch(name):
            included = not pattern.startswith("!")
    return included


def rule_matches(pattern: str, name: str) -> bool:
    """Whether a deployment branch or tag rule fits: Ruby's `File.fnmatch` with FNM_PATHNAME.

    `*` is any text without `/`, `?` one such character, `**/` any folders, `[]` one character.
    Source: GitHub's "Deployments and environments", deployment branches and tags.
    """
    out, at = "", 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/"):
            out, at = out + "(?:[^/]+/)*", at + 3
        elif rest[0] == "*":
            out, at = out + "[^/]*", at + 1
        elif rest[0] == "?":
            out, at = out + "[^/]", at + 1
        elif rest[0] == "[" and "]" in rest:
            end = rest.index("]")
            out, at = out + "[" + rest[1:end].replace("!", "^", 1).replace("\\", r"\\") + "]", at + end + 1
        else:
            out, at = out + re.escape(rest[0]), at + 1
    return re.fullmatch(out, name) is not None
