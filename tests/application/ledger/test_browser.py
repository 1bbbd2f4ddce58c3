"""The pages in Chromium: quiet, readable, reachable by keyboard, in light and dark, and on a phone.

SCREENSHOTS=FOLDER keeps a picture of each page.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright
from werkzeug.serving import make_server

from sandbox import certificates
from tests.application.ledger.story import commit, tell
from tests.browser import CHROMIUM, NO_BROWSER
from tests.running import signed, signing

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)]

PAGES = {
    "home": "/ledger",
    "release": "/ledger/releases/v1.7.0",
    "commit": f"/ledger/commits/{commit(3)}",
    "policy": "/ledger/policy",
    "waivers": "/ledger/waivers",
    "measures": "/ledger/measures",
    "search": "/ledger/search?q=dev",
    "unknown": "/ledger/releases/v9.9.9",
}
LAPTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=360, height=740)
VARIANTS: dict[str, dict[str, Any]] = {
    "light": {"viewport": LAPTOP, "color_scheme": "light"},
    "dark": {"viewport": LAPTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "has_touch": True, "is_mobile": True},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark", "has_touch": True, "is_mobile": True},
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's browser; nothing is downloaded."""
    # A container has no room for Chromium's own sandbox; the pages are ours.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> certificates.Certificate:
    """A browser keeps a cookie named __Host- only of an https:// address."""
    return certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def address(flask_app: Flask, certificate: certificates.Certificate) -> Iterator[str]:
    """Where the application is served, with a story in it."""
    tell(signing(flask_app))
    files = (str(certificate.certificate), str(certificate.key))
    server = make_server("127.0.0.1", 0, flask_app, threaded=True, ssl_context=files)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://localhost:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def link(flask_app: Flask, address: str) -> str:
    """Ask for a link, as an auditor."""
    answer = flask_app.test_client().post("/api/sessions", base_url=address, environ_base=signed())
    return str(answer.get_json()["url"])


@pytest.fixture
def signed_in(chromium: Browser, flask_app: Flask, address: str) -> Iterator[BrowserContext]:
    """A browser's profile with a session, got by opening a link."""
    context = chromium.new_context(base_url=address, ignore_https_errors=True, viewport=LAPTOP)
    page = context.new_page()
    page.goto(link(flask_app, address))
    assert page.url == f"{address}/ledger"
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(signed_in: BrowserContext) -> Page:
    """A tab of it."""
    return signed_in.new_page()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_page_is_quiet_and_readable(
    chromium: Browser, signed_in: BrowserContext, address: str, variant: str
) -> None:
    """No message on the console, no breach of the policy, nothing axe objects to, no scrolling sideways."""
    options = {**VARIANTS[variant], "base_url": address, "ignore_https_errors": True}
    context = chromium.new_context(**options, storage_state=signed_in.storage_state())
    page, faults, name = context.new_page(), [], ""
    page.on("console", lambda message: faults.append(f"{name}: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"{name}: {error}"))
    page.on("requestfailed", lambda request: faults.append(f"{name}: {request.url} failed"))
    for name, path in PAGES.items():
        page.goto(path)
        # The browser itself reports the status of the one page that is meant to be missing.
        faults = [fault for fault in faults if "status of 404" not in fault or name != "unknown"]
        faults += [
            f"{name}: {found['id']}: {node['html']} {node['failureSummary']}"
            for found in Axe().run(page).response["violations"]
            for node in found["nodes"]
        ]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        faults += [f"{name}: {wide} pixels wider than the screen"] if wide > 0 else []
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"{name}-{variant}.png", full_page=True)
    context.close()

    assert [] == faults


def test_the_keyboard_reaches_everything(page: Page) -> None:
    """The first Tab shows the way past the navigation; what has the focus is seen, in the order of the page."""
    page.goto("/ledger")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()

    # Not by a reload: Chromium goes on from where the focus was, behind the navigation.
    page.goto("about:blank")
    page.goto("/ledger")
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => {
                const element = document.activeElement, style = getComputedStyle(element);
                const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
                return [element.textContent.trim() || element.id, seen];
            }"""
        )
        reached.append(tuple(found))

    assert [
        ("Skip to content", True),
        ("Release ledger", True),
        ("Environments", True),
        ("Policy", True),
        ("Waivers", True),
        ("Measures", True),
        ("q", True),
        ("Search", True),
        (commit(23)[:12], True),
    ] == reached


def test_a_screen_reader_finds_its_way(page: Page) -> None:
    """Landmarks, a heading a part, and tables whose cells have headed columns, also where they look like lists."""
    page.set_viewport_size(PHONE)
    page.goto("/ledger/releases/v1.7.0")

    for role in ("banner", "navigation", "main", "search", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)
    headings = page.get_by_role("heading", level=2).all_text_contents()
    assert ["Deployments", "Evidence", "Checks", "Findings", "Waivers"] == headings
    table = page.get_by_role("table", name="How the gate's stages ended")
    assert ["Stage", "Status", "Seconds", "Finished"] == table.get_by_role("columnheader").all_text_contents()
    assert table.get_by_role("cell").count() == 12


def test_search_and_the_links_lead_to_a_release(page: Page) -> None:
    """By keyboard alone: a version typed, found, and opened."""
    page.goto("/ledger")
    page.get_by_role("searchbox").press_sequentially("v1.6.0")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 deployment for")).to_be_visible()
    page.get_by_role("cell").get_by_role("link", name="v1.6.0").press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Release v1.6.0")


def test_the_measures_are_of_the_environment_that_is_chosen(page: Page) -> None:
    """The choice is a form: it needs no script, and its address can be kept."""
    page.goto("/ledger/measures")
    page.get_by_label("Environment", exact=True).select_option("dev")
    page.get_by_role("button", name="Show").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Measures of dev")
    assert page.url.endswith("/ledger/measures?environment=dev")


def test_what_went_wrong_opens_in_place(page: Page) -> None:
    """A failed deployment's reason is folded up, and opens by keyboard."""
    page.goto("/ledger")
    reason = page.get_by_text("smoke test: /ready answered 503")
    expect(reason).not_to_be_visible()
    page.get_by_text("Why", exact=True).press("Enter")

    expect(reason).to_be_visible()


def test_no_script_can_read_the_session(page: Page, signed_in: BrowserContext) -> None:
    """The browser keeps the cookie to itself: for this host, for requests from here, for an hour."""
    page.goto("/ledger")
    cookie = signed_in.cookies()[0]

    assert page.evaluate("document.cookie") == ""
    assert (True, True, "Lax", "/") == tuple(cookie[n] for n in ("httpOnly", "secure", "sameSite", "path"))


def test_without_a_session_the_way_in_is_told(chromium: Browser, flask_app: Flask, address: str) -> None:
    """Whoever comes without, or with a used link, reads what to do, and sees nothing of the content."""
    with chromium.new_context(base_url=address, ignore_https_errors=True) as context:
        page = context.new_page()
        page.goto("/ledger")
        expect(page.get_by_text("pipeline ledger open")).to_be_visible()
        assert "v1.7.0" not in page.content()
        assert Axe().run(page).violations_count == 0

        url = link(flask_app, address)
        flask_app.test_client().get(url, base_url=address)
        page.goto(url)
        expect(page.get_by_role("heading", level=1)).to_have_text("Forbidden")
        expect(page.get_by_text("This link was used, or is older than 60 seconds.")).to_be_visible()
