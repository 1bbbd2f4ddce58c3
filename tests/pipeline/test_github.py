"""What is asked of GitHub: releases are published once; errors say what GitHub refused."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.base import github
from pipeline.base.errors import ConfigurationError, GateError


class Hub:
    """Releases in memory, behind what sends requests."""

    def __init__(self) -> None:
        self.releases: dict[str, dict[str, Any]] = {}

    def send(self, method: str, url: str, payload: bytes | None, _kind: str) -> Any:
        name = url.rsplit("/", 1)[1]
        if method == "GET":
            if name not in self.releases:
                raise github._RefusedError("GitHub refused GET with 404.")
            return self.releases[name]
        if "assets" in url:
            self.releases["v1.0.0"]["assets"].append({"name": url.partition("name=")[2], "data": payload})
            return {}
        made = {
            "upload_url": "https://uploads.github.com/assets{?name,label}",
            "html_url": "https://github.com/acme/ledger/releases/tag/v1.0.0",
            "assets": [],
        }
        return self.releases.setdefault("v1.0.0", made)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    made = Hub()
    monkeypatch.setattr(github, "_send", made.send)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/ledger")
    monkeypatch.setenv("GITHUB_TOKEN", "t")
    return made


def test_a_release_is_published_once(hub: Hub, tmp_path: Path) -> None:
    """The second time adds only what is missing, and writes over nothing."""
    (tmp_path / "v1.0.0.json").write_bytes(b"one")
    address = github.publish("v1.0.0", "text", sorted(tmp_path.iterdir()))
    (tmp_path / "v1.0.0.json").write_bytes(b"two")
    (tmp_path / "v1.0.0.html").write_bytes(b"page")
    github.publish("v1.0.0", "text", sorted(tmp_path.iterdir()))
    attached = [(one["name"], one["data"]) for one in hub.releases["v1.0.0"]["assets"]]

    assert "https://github.com/acme/ledger/releases/tag/v1.0.0" == address
    assert [("v1.0.0.json", b"one"), ("v1.0.0.html", b"page")] == attached


@pytest.mark.parametrize("repository", ["", "acme", "acme/ledger/../other", "acme/ledger?x"])
def test_without_a_repository_nothing_is_asked(
    hub: Hub, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of a workflow, or with a name that isn't one."""
    monkeypatch.setenv("GITHUB_REPOSITORY", repository)

    with pytest.raises(ConfigurationError, match="not both set"):
        github.get("issues")


def test_nobody_there_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network: what was asked, and that nobody answered."""
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/ledger")
    monkeypatch.setenv("GITHUB_TOKEN", "t")

    with pytest.raises(GateError, match=r"no answer to GET http://127\.0\.0\.1:9/repos/acme/ledger/issues"):
        github.get("issues")
