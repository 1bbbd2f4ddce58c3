import pytest

from sandbox.github.pattern import filter_pattern, matches, rule_matches


@pytest.mark.parametrize(
    ("pattern", "fits", "misses"),
    [
        ("main", ["main"], ["mains", "main/x"]),
        ("*", ["main"], ["feature/a"]),
        ("**", ["main", "feature/a/b"], []),
        ("feature/*", ["feature/a"], ["feature/a/b", "feature"]),
        ("feature/**", ["feature/a", "feature/a/b"], ["feature"]),
        ("v*", ["v1.0.0", "v", "vendor"], ["V1", "1v"]),
        ("v[12].[0-9]+.[0-9]+", ["v1.10.1", "v2.0.0"], ["v3.0.0", "v1.0"]),
        ("**/docs/**", ["docs/a.md", "x/docs/a/b"], ["docs.md"]),
        ("*.jsx?", ["page.js", "page.jsx"], ["a/page.js"]),
        ("**.js", ["a.js", "a/b.js"], ["a.jsx"]),
        ("docs/*", ["docs/a.md"], ["docs/a/b.md"]),
        ("a.b", ["a.b"], ["axb"]),
        (r"\*", ["*"], ["a"]),
    ],
)
def test_filters_fit_as_in_githubs_cheat_sheet(pattern: str, fits: list[str], misses: list[str]) -> None:
    """A filter pattern fits the names that GitHub's documentation says, and no others."""
    found = [name for name in fits + misses if filter_pattern(pattern).fullmatch(name)]

    assert fits == found


@pytest.mark.parametrize(
    ("patterns", "name", "expected"),
    [
        (["releases/**", "!releases/**-alpha"], "releases/10-alpha", False),
        (["releases/**", "!releases/**-alpha"], "releases/10", True),
        (["releases/**", "!releases/**-alpha", "releases/5-alpha"], "releases/5-alpha", True),
        (["!main"], "main", False),
        (["!main"], "other", False),
        ([], "main", False),
    ],
)
def test_the_last_pattern_that_fits_decides(patterns: list[str], name: str, expected: bool) -> None:
    """`!` takes out what stands before it, and a later pattern takes in again."""
    assert expected == matches(patterns, name)


@pytest.mark.parametrize(
    ("pattern", "fits", "misses"),
    [
        ("main", ["main"], ["main2"]),
        ("v*.*.*", ["v1.2.3", "v1.2.3-rc.1", "v1.2.3.4"], ["v1.2", "1.2.3", "v1.2.3/x"]),
        ("release/*", ["release/a"], ["release/a/b"]),
        ("release/**/*", ["release/a", "release/a/b"], ["release"]),
        ("v?", ["v1"], ["v12", "v/"]),
        ("v[!0]", ["v1"], ["v0"]),
        ("a+b", ["a+b"], ["aab"]),
    ],
)
def test_deployment_rules_fit_as_fnmatch_does(pattern: str, fits: list[str], misses: list[str]) -> None:
    """A deployment rule is an fnmatch pattern, in which `*` stops at a slash."""
    found = [name for name in fits + misses if rule_matches(pattern, name)]

    assert fits == found
