"""Files as browsers keep them: known by what is in them, since in a bundle each has the same date.

Flask tells a browser a file's date, and a tag of date, size and path. By both, a file that changed and has the
size that it had is the one that the browser keeps.
"""

import hashlib
import os
from io import BufferedReader
from typing import Any
from zlib import adler32

from flask import Flask, Response
from werkzeug.http import http_date, quote_etag


class ByContent(Response):
    """A response whose ETag is of the content, wherever `send_file` would take the date of a file for it.

    What a view gives itself, as `etag` or `last_modified`, stands.
    """

    def make_conditional(self, *arguments: Any, **options: Any) -> Response:
        """Say what the file is known by, before the request is held against it."""
        file = getattr(self.response, "file", None)  # of werkzeug's FileWrapper
        if isinstance(file, BufferedReader) and isinstance(file.name, str):  # as `open` of a path gives it
            stat = os.fstat(file.fileno())
            if self.headers.get("Last-Modified") == http_date(stat.st_mtime):
                del self.headers["Last-Modified"]
            by_date = (
                f"{stat.st_mtime}-{stat.st_size}-{adler32(os.fsencode(file.name))}"  # as werkzeug's send_file
            )
            if self.headers.get("ETag") == quote_etag(by_date):
                self.set_etag(hashlib.file_digest(file, "sha256").hexdigest())
                file.seek(0)
        super().make_conditional(*arguments, **options)
        return self


def init_app(app: Flask) -> None:
    """Let the application, its blueprints and its views send files so."""
    app.response_class = type("Response", (ByContent, app.response_class), {})
