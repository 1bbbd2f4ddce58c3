"""The pages: complete, escaped, without scripts, and readable by those who don't see them."""

import re
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient

from app.database import Database, DatabaseUnavailableError
from tests.application.ledger.story import APPROVER, bundle, commit, tell
from tests.application.ledger.test_kinds import a_record
from tests.running import Ledger, a_deployment

HTTPS = "https://localhost"
PAGES = [
    "",
    "/policy",
    "/waivers",
    "/measures",
    "/search",
    "/search?q=dev",
    f"/commits/{commit(22)}",
    "/releases/v1.7.0",
]


class Page(HTMLParser):
    """A page taken apart: its tags with their attributes, and its text."""

    VOID = frozenset({"meta", "link", "input", "br", "line", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """See that tags close in order."""
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect the text."""
        self.words += data

    def all(self, name: str) -> list[dict[str, str | None]]:
        """Return the attributes of every tag of a name."""
        return [attributes for tag, attributes in self.tags if tag == name]


def fetch(browser: FlaskClient, path: str) -> Page:
    """Fetch and take apart one page."""
    response = browser.get(f"/ledger{path}", base_url=HTTPS)
    assert response.status_code == 200, response.get_data(as_text=True)
    return Page(response.get_data(as_text=True))


@pytest.fixture(scope="module")
def told() -> dict[str, bytes]:
    """The story's records, once it has been told."""
    return {}


@pytest.fixture
def story(browser: FlaskClient, ledger: Ledger, told: dict[str, bytes]) -> FlaskClient:
    """A browser in front of a ledger with a story."""
    if told:
        ledger.put_back(told)
    else:
        before = ledger.keep()
        tell(browser)
        told |= {table: rows.removeprefix(before[table]) for table, rows in ledger.keep().items()}
    return browser


def test_every_page_is_sound(story: FlaskClient) -> None:
    """Tags close in order; language, title, one main heading, labels, captions and headed columns are there."""
    for path in PAGES:
        page = fetch(story, path)
        ids = [a["id"] for _, a in page.tags if a.get("id")]
        labelled = {label["for"] for label in page.all("label")}

        assert page.open == [], path
        assert page.all("html") == [{"lang": "en"}]
        assert [len(page.all(tag)) for tag in ("title", "h1", "main")] == [1, 1, 1] or page.all("svg"), path
        assert len(page.all("h1")) == 1
        assert len(ids) == len(set(ids)), path
        assert {field["id"] for field in page.all("input") + page.all("select")} <= labelled
        assert len(page.all("table")) == len(page.all("caption"))
        assert all(cell.get("scope") == "col" for cell in page.all("th"))
        assert all(image.get("role") == "img" and image.get("aria-label") for image in page.all("svg"))


def test_no_page_needs_what_its_policy_forbids(story: FlaskClient) -> None:
    """No script, no inline style, no handler, and nothing from another host."""
    for path in PAGES:
        response = story.get(f"/ledger{path}", base_url=HTTPS)
        page = Page(response.get_data(as_text=True))
        names = {name for _, attributes in page.tags for name in attributes}

        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["Cache-Control"] == "no-store"
        assert page.all("script") == page.all("style") == []
        assert not {name for name in names if name == "style" or name.startswith("on")}
        assert [link["href"] for link in page.all("link")] == ["/ledger/style.css", "data:,"]


def test_the_first_page_says_what_runs_where(story: FlaskClient) -> None:
    """Environments stand in the order of promotion; what dev has that prod has not is listed."""
    words = fetch(story, "").words

    assert words.index("dev") < words.index("prod")
    assert "Ahead of prod by 1 commit:" in words
    assert commit(23)[:12] in words
    assert "v1.7.0" in words


def test_what_was_recorded_late_stands_in_its_place(browser: FlaskClient) -> None:
    """Prod's ledger hears of dev's deployments after prod's own: dev comes first all the same."""
    hours = {"dev": ("2026-03-01T08:00:00Z",) * 2, "prod": ("2026-03-01T10:00:00Z",) * 2}
    for name in ("prod", "dev"):
        started, finished = hours[name]
        record = a_deployment(environment=name, started_at=started, finished_at=finished)
        assert browser.post("/api/deployments", json=record).status_code == 201
    words = fetch(browser, "").words

    assert "Level with prod." in words
    assert words.index("dev") < words.index("prod")
    assert words.index("2026-03-01 10:00", words.index("The newest")) < words.rindex("2026-03-01 08:00")


def test_a_failed_attempt_is_shown_beside_what_runs(browser: FlaskClient) -> None:
    """After a failure the earlier release is what runs, and the failure is not hidden."""
    browser.post("/api/deployments", json=a_deployment(commit=commit(1)))
    browser.post(
        "/api/deployments", json=a_deployment(commit=commit(2), status="failed", detail="smoke test")
    )

    words = fetch(browser, "").words

    assert "The newest attempt" in words
    assert "What ran before goes on running" in words


def test_a_release_shows_all_that_is_known_of_it(story: FlaskClient) -> None:
    """Deployments, checks, findings, evidence and who approved."""
    words = fetch(story, "/releases/v1.7.0").words

    for expected in ("Release v1.7.0", commit(22), APPROVER, "prod", "lint", "passport", bundle(22)):
        assert expected in words


def test_of_the_looks_for_drift_the_newest_is_shown(story: FlaskClient) -> None:
    """One line for all of them: they don't push what else there is off the page."""
    for number in range(3):
        record = a_record("evidence", bundle=bundle(22), name="drift", location=None, size=90_000 + number)
        story.post("/api/evidence", json=record)
    words = fetch(story, "/releases/v1.7.0").words

    assert 1 == words.count("drift")
    assert "passport" in words


def test_a_withdrawn_release_is_shown_as_such(browser: FlaskClient) -> None:
    """On its own page with who and why, in the list of releases, and where it serves all the same; and no other one."""
    for number, version in ((1, "v1.0.0"), (2, "v1.1.0")):
        what = {"commit": commit(number), "bundle": bundle(number), "version": version}
        assert browser.post("/api/releases", json=a_record("releases", **what)).status_code == 201
        record = a_deployment(**what, environment="prod")
        assert browser.post("/api/deployments", json=record).status_code == 201
    before = fetch(browser, "").words
    said = {"environment": "prod", "by": "ada", "at": "2026-03-01T08:00:00Z", "reason": "<b>loses</b> mail"}
    record = a_record("evidence", bundle=bundle(2), name="withdrawal", document=said)
    assert browser.post("/api/evidence", json=record).status_code == 201
    home, page = fetch(browser, "").words, fetch(browser, "/releases/v1.1.0").words

    assert "withdrawn" not in before + fetch(browser, "/releases/v1.0.0").words
    assert "from prod by ada at 2026-03-01T08:00:00Z: <b>loses</b> mail" in page
    assert "It was withdrawn from prod by ada" in home
    assert 3 == home.count("withdrawn")


@pytest.mark.parametrize("document", [None, {}, {"by": {"x": 1}}])
def test_a_withdrawal_of_another_form_is_shown_too(browser: FlaskClient, document: object) -> None:
    """Whatever it holds, that there is one is what counts."""
    assert (
        browser.post("/api/deployments", json=a_deployment(commit=commit(1), bundle=bundle(1))).status_code
        == 201
    )
    record = a_record("evidence", bundle=bundle(1), name="withdrawal", document=document)
    assert browser.post("/api/evidence", json=record).status_code == 201

    assert "withdrawn from ?" in fetch(browser, f"/commits/{commit(1)}").words


def test_waivers_that_expire_soon_stand_out(story: FlaskClient) -> None:
    """Sorted by their day, with the days that are left."""
    words = re.sub(r"\s+", " ", fetch(story, "/waivers").words)

    assert words.index("legacy-export") < words.index("rotation-retries") < words.index("report-timeout")
    assert "expired" in words
    assert "in 9 days" in words


def test_measures_are_drawn_for_the_environment_that_is_asked_for(story: FlaskClient) -> None:
    """Four charts with a bar a week, prod's by default; an unknown environment is 404."""
    page = fetch(story, "/measures")

    assert "Measures of prod" in page.words
    assert len(page.all("svg")) == 4
    assert len(page.all("rect")) > 10
    assert "Measures of dev" in fetch(story, "/measures?environment=dev").words
    assert story.get("/ledger/measures?environment=nowhere", base_url=HTTPS).status_code == 404


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("v1.7.0", 1),
        ("prod", 9),
        (commit(22)[:6], 2),
        (bundle(22), 2),
        ("nothing", 0),
        ("'; DROP TABLE x", 0),
    ],
)
def test_search_finds_versions_environments_commits_and_bundles(
    story: FlaskClient, query: str, count: int
) -> None:
    """Exact names, or the first digits."""
    response = story.get("/ledger/search", query_string={"q": query}, base_url=HTTPS)

    assert f"{count} deployment{'' if count == 1 else 's'} for" in response.get_data(as_text=True)


@pytest.mark.parametrize(
    "path",
    ["/releases/v9.9.9", "/releases/latest", "/commits/" + "f" * 40, "/commits/..", "/none", "/search/"],
)
def test_what_is_not_there_is_404(browser: FlaskClient, path: str) -> None:
    """An unknown name is no error of ours."""
    assert browser.get(f"/ledger{path}", base_url=HTTPS).status_code == 404


@pytest.mark.parametrize("query", ["%00", "%ff", "%ed%a0%80", "q" * 5000])
def test_a_search_for_anything_is_answered(browser: FlaskClient, query: str) -> None:
    """No words bring the search down."""
    assert browser.get(f"/ledger/search?q={query}", base_url=HTTPS).status_code == 200


def test_a_page_without_its_database_says_so_as_a_page(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person reads a sentence, a program sees 503 and when to try again; the reason is in the log alone."""

    def away(*_: object) -> None:
        raise DatabaseUnavailableError("the database went away: secret-host")

    monkeypatch.setattr(Database, "run", away)
    for path in ("/ledger", "/session?token=x"):
        response = browser.get(path, base_url=HTTPS)

        assert (503, "5") == (response.status_code, response.headers["Retry-After"])
        assert "Try again" in Page(response.get_data(as_text=True)).words
        assert "secret-host" not in response.get_data(as_text=True)


def test_an_empty_ledger_has_pages(browser: FlaskClient) -> None:
    """A new team's first look is not an error."""
    for path in ("", "/policy", "/waivers", "/measures", "/search"):
        assert fetch(browser, path).words


def test_what_was_recorded_is_text_and_never_markup(browser: FlaskClient) -> None:
    """A hostile actor, detail or finding is shown as it is."""
    hostile = "<img src=x onerror=alert(1)>"
    browser.post(
        "/api/deployments", json=a_deployment(actor=hostile, detail=hostile, run="https://e.example/'\">")
    )
    browser.post(
        "/api/findings", json=a_record("findings", message=hostile, file=hostile, controls=[hostile])
    )

    for path in ("", "/commits/" + "a" * 40):
        page = fetch(browser, path)
        assert page.all("img") == []
        assert hostile in page.words
