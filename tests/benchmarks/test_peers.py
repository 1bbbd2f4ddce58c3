"""The peers' own tests: their archives are checked, and every difference is explained."""

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import peers

pytestmark = pytest.mark.slow


def packed(**files: str) -> bytes:
    """An archive of a folder with these files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"peer-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def test_an_archive_of_other_bytes_is_refused(tmp_path: Path) -> None:
    """What PyPI sends is unpacked only if it is what was looked at."""
    content = packed(name="text")
    archive = peers.Archive("peer", "1.0", hashlib.sha256(content).hexdigest())

    assert ["name"] == [path.name for path in peers.unpack(archive, content, tmp_path).iterdir()]
    with pytest.raises(ValueError, match=r"peer 1\.0 hashes to"):
        peers.unpack(archive, content + b"\0", tmp_path)


def test_the_adapter_stands_in_the_peer_s_place(tmp_path: Path) -> None:
    """A peer's test reaches the adapter by the peer's name, and counts once for all its parameters."""
    tests = tmp_path / "peer" / "tests"
    tests.mkdir(parents=True)
    (tests / "test_peer.py").write_text(
        "import pytest\nfrom some_peer import respond\n\n\nclass TestAnswers:\n"
        "    @pytest.mark.parametrize('status', [400, 500])\n"
        "    def test_status(self, status):\n        assert status == respond(None, {}, None)['statusCode']\n\n"
        "    def test_type(self):\n        assert isinstance(respond(None, {}, None), dict)\n"
    )
    archive = peers.Archive("some-peer", "1.0", "", "from app.wsgi import respond\n")
    shims = tmp_path / "shims"
    shims.mkdir()

    assert {"TestAnswers::test_status": False, "TestAnswers::test_type": True} == peers.run(
        replace(archive), tests.parent, shims
    )


def test_what_is_not_explained_is_named() -> None:
    """A new difference and one that is gone are both told."""
    passes = {test: False for tests in peers.DIFFERENCES.values() for test in tests}
    gone = next(iter(passes))

    assert [] == peers.unexplained(passes)
    assert ["A::test_new differs, and nothing here says why", f"{gone} passes: it differs no longer"] == (
        peers.unexplained({**passes, gone: True, "A::test_new": False})
    )
