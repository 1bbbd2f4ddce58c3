"""Files as a bundle dates them: what changed is sent, however alike its date and its size are."""

import os
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pytest
from flask import Blueprint, Flask, Response, send_file
from flask.testing import FlaskClient
from werkzeug.http import http_date
from werkzeug.test import TestResponse

from app import create_app, static
from app.config import Config
from pipeline.delivery.bundle import _archive
from tests.app.test_config import COMPLETE

OLD, NEW = b"body { color: red }\n", b"body { color: tan }\n"
LATER = http_date(datetime(2026, 3, 1, tzinfo=UTC))  # any day after 1980


def released(folder: Path, content: bytes) -> None:
    """Put style.css where the application has it, through a bundle's archive and with the date that it gives."""
    code = folder.with_name("code")
    code.mkdir(exist_ok=True)
    (code / "style.css").write_bytes(content)
    _archive(code, archive := folder.with_name("code.zip"))
    with zipfile.ZipFile(archive) as bundle:
        for entry in bundle.infolist():
            target = Path(bundle.extract(entry, folder))
            seconds = time.mktime((*entry.date_time, 0, 0, -1))
            os.utime(target, (seconds, seconds))


def of_application(folder: Path) -> Flask:
    """The files of the application itself: `static` is where Flask looks for them."""
    app = create_app(Config.from_environ(COMPLETE))
    app.static_folder = str(folder)
    return app


def of_blueprint(folder: Path) -> Flask:
    """The files of a blueprint that came after `create_app`."""
    app = create_app(Config.from_environ(COMPLETE))
    shop = Blueprint("shop", __name__, static_folder=str(folder), static_url_path="/static")
    app.register_blueprint(shop, url_prefix="/shop")
    return app


def of_view(folder: Path) -> Flask:
    """A file that a view sends."""
    app = create_app(Config.from_environ(COMPLETE))
    app.add_url_rule("/file/style.css", view_func=lambda: send_file(folder / "style.css"))
    return app


def of_another(folder: Path) -> Flask:
    """The files of an application of its own, with a class of its own for responses."""

    class Signed(Response):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.headers["X-By"] = "another"

    app = Flask("another", static_folder=str(folder), static_url_path="/static")
    app.response_class = Signed
    static.init_app(app)
    return app


CASES: dict[str, tuple[Callable[[Path], Flask], str]] = {
    "application": (of_application, "/static/style.css"),
    "blueprint": (of_blueprint, "/shop/static/style.css"),
    "view": (of_view, "/file/style.css"),
    "another application": (of_another, "/static/style.css"),
}


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def site(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[FlaskClient, Path, str]:
    """A client of an application, the folder of its files, and the path of one."""
    make, path = request.param
    folder = tmp_path / "files"
    released(folder, OLD)
    return make(folder).test_client(), folder, path


def get(client: FlaskClient, path: str, **options: Any) -> TestResponse:
    """Ask, and read the answer to its end, which closes the file."""
    return client.open(path, buffered=True, **options)


def test_what_changed_is_sent(site: tuple[FlaskClient, Path, str]) -> None:
    """Of the same size and date: with what the browser kept of it, and with any date."""
    client, folder, path = site
    kept = get(client, path)
    released(folder, NEW)

    by_tag = get(client, path, headers={"If-None-Match": kept.headers["ETag"]})
    by_date = get(client, path, headers={"If-Modified-Since": LATER})

    assert (OLD, NEW, NEW) == (kept.data, by_tag.data, by_date.data)
    assert "Last-Modified" not in kept.headers


def test_what_stayed_is_not_sent_again(site: tuple[FlaskClient, Path, str]) -> None:
    """In whatever folder, and on whatever day, the release was unpacked."""
    client, folder, path = site
    tag = get(client, path).headers["ETag"]
    os.utime(folder / "style.css")

    again = get(client, path, headers={"If-None-Match": tag})

    assert (304, b"", tag) == (again.status_code, again.data, again.headers["ETag"])


def test_the_rest_is_flasks(site: tuple[FlaskClient, Path, str]) -> None:
    """HEAD, a part of the file, a part of a file that changed, a file that isn't there."""
    client, _, path = site
    tag = get(client, path).headers["ETag"]

    head = get(client, path, method="HEAD")
    part = get(client, path, headers={"Range": "bytes=0-3", "If-Range": tag})
    whole = get(client, path, headers={"Range": "bytes=0-3", "If-Range": '"another"'})

    assert (tag, str(len(OLD))) == (head.headers["ETag"], head.headers["Content-Length"])
    assert (206, b"body") == (part.status_code, part.data)
    assert (200, OLD) == (whole.status_code, whole.data)
    assert get(client, path, headers={"Range": "bytes=900-"}).status_code == 416
    assert get(client, path.replace("style", "none")).status_code == 404


def test_what_a_view_says_of_its_file_stands(tmp_path: Path) -> None:
    """A tag and a date that were given, none at all, and content that is no file."""
    file = tmp_path / "report.pdf"
    file.write_bytes(b"report")
    day = datetime(2026, 2, 1, tzinfo=UTC)
    app = Flask("views", static_folder=None)
    static.init_app(app)
    app.add_url_rule("/given", "given", lambda: send_file(file, etag="mine", last_modified=day))
    app.add_url_rule("/none", "none", lambda: send_file(file, etag=False))
    app.add_url_rule("/text", "text", lambda: "text")
    app.add_url_rule("/member", "member", lambda: send_file(member(tmp_path), download_name="member.txt"))
    client = app.test_client()

    given, none, text, packed = (get(client, f"/{name}") for name in ("given", "none", "text", "member"))

    assert ('"mine"', http_date(day)) == (given.headers["ETag"], given.headers["Last-Modified"])
    assert {"ETag", "Last-Modified"}.isdisjoint(none.headers)
    assert (b"report", b"text", b"packed") == (none.data, text.data, packed.data)


def member(folder: Path) -> IO[bytes]:
    """Open a file within an archive: it has a name, and no file of the system's."""
    archive = folder / "archive.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("member.txt", b"packed")
    return zipfile.ZipFile(archive).open("member.txt")
