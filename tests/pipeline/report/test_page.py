"""The HTML page."""

import base64
import dataclasses
import hashlib
import itertools
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline.report import page
from tests.pipeline.report.sample import evidence

CSS = (Path(page.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")


class Page(HTMLParser):
    """The elements of a page: (name, attributes), in order, and how deep each stands."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def named(self, *names: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name in names]


@pytest.fixture(scope="module")
def text() -> str:
    return page.render(evidence())


@pytest.fixture(scope="module")
def parsed(text: str) -> Page:
    return Page(text)


def test_hostile_text_makes_no_element(parsed: Page) -> None:
    """Nothing that a pull request wrote becomes an element, an attribute that acts, or an address."""
    assert [] == parsed.named("script", "img", "iframe", "object", "link", "form", "base")
    assert [] == [one for one in parsed.elements if any(name.startswith("on") for name in one[1])]
    assert [] == [one["href"] for one in parsed.named("a") if not one["href"].startswith("#")]


def test_page_loads_nothing(text: str, parsed: Page) -> None:
    """The page's own policy forbids everything but its style sheet, which it names by digest."""
    policy = next(one["content"] for one in parsed.named("meta") if "http-equiv" in one)
    style = re.search(r"<style>(.*)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()

    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" == policy
    assert [] == [one for one in parsed.elements if "style" in one[1]]
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_references_within_the_page_lead_somewhere(parsed: Page) -> None:
    """Every link and every label has its target; no id stands twice."""
    ids = Counter(attributes["id"] for _, attributes in parsed.elements if "id" in attributes)
    wanted = {one["href"][1:] for one in parsed.named("a")}
    wanted |= {
        word for _, attributes in parsed.elements for word in attributes.get("aria-labelledby", "").split()
    }

    assert [] == [name for name, count in ids.items() if count > 1]
    assert set() == wanted - set(ids)


def test_headings_skip_no_level(parsed: Page) -> None:
    """One first heading, and each deeper one stands under one of the level above."""
    levels = [int(name[1]) for name, _ in parsed.elements if re.fullmatch(r"h[1-6]", name)]

    assert 1 == levels.count(1)
    assert 1 == levels[0]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_landmarks(parsed: Page) -> None:
    """A screen reader finds header, navigation, main part and footer, each once."""
    assert {"header": 1, "nav": 1, "main": 1, "footer": 1} == {
        name: len(parsed.named(name)) for name in ("header", "nav", "main", "footer")
    }


def test_tables_are_labelled(parsed: Page) -> None:
    """Every table has a caption, and every heading cell says what it heads."""
    assert len(parsed.named("table")) == len(parsed.named("caption"))
    assert {"col", "row", "rowgroup"} == {one.get("scope") for one in parsed.named("th")}


def test_what_an_auditor_asks_for(text: str) -> None:
    """Verdict, commit, versions, controls of each framework, waivers with their end, trust and environments."""
    for words in (
        "Not everything was judged",
        "0123456789abcdef0123456789abcdef01234567",
        "checkov-3.3.30",
        "NIST SP 800-53 Rev. 5",
        "CIS AWS Foundations Benchmark",
        "AWS Foundational Security Best Practices",
        "OWASP Top 10 CI/CD Security Risks",
        "template.yaml:41",
        "2026-12-10",
        "can, but should not",
        "repo:acme/shop:environment:prod",
        "shop-prod-artifacts-222222222222",
    ):
        assert words in text


def test_no_secret_is_shown(text: str) -> None:
    """A parameter whose name promises a secret is told without its value."""
    assert "ApiToken" in text
    assert "hunter" not in text


def test_trust_that_was_not_judged_is_said(text: str) -> None:
    """A matrix that is missing is not an empty one."""
    bare = page.render(dataclasses.replace(evidence(), trust=None))

    assert "Not judged" in bare
    assert "Each subject that GitHub would send" in text
    assert "Each subject that GitHub would send" not in bare


def test_rules_that_did_not_run_are_said(text: str) -> None:
    """A report of another stage doesn't list controls of which it knows nothing."""
    bare = page.render(evidence(engines=(), findings=()))

    assert "No rule gave a verdict in this run" in bare
    assert "No rule gave a verdict" not in text
    assert "IA-5(7)" not in bare


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("index", [0, 1, 2], ids=["light", "dark", "print"])
def test_colours_can_be_read(index: int) -> None:
    """Text stands out from what is behind it by 4.5 to 1 (WCAG 2.2, 1.4.3), in light, dark and print."""
    colours = _colours(re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[index])
    pairs = [(name, back) for name in ("ink", "soft", "link") for back in ("page", "card")]
    pairs += [(name, f"{name}-back") for name in ("good", "bad", "warn", "note")]
    pairs += [("ink", "flat"), ("ink", "warn-back"), ("good", "page"), ("bad", "page")]
    weak = [(text, back) for text, back in pairs if _contrast(colours[text], colours[back]) < 4.5]

    assert [] == weak
