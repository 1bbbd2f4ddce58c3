"""What the cold start is compared with."""

import zipfile
from pathlib import Path

import pytest

from benchmarks import cold_start
from benchmarks.packages import Package, contents

pytestmark = pytest.mark.outside


def test_contents_are_added_up_by_folder(tmp_path: Path) -> None:
    """Each folder on top with the bytes of its bytecode and those of all else."""
    archive = tmp_path / "code.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("app/a.py", b"12345")
        out.writestr("app/__pycache__/a.cpython-313.pyc", b"123")
        out.writestr("app/sub/b.py", b"1")
        out.writestr("main.py", b"12")
    package = Package("name", tmp_path, "main.handler", archive)

    assert {"app": (3, 6), "main.py": (0, 2)} == contents(package)


def test_first_answer_sees_the_package_alone(tmp_path: Path) -> None:
    """A function is timed with the packages in its folder, without any of the environment's, writing nothing."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "main.py").write_text(
        "import importlib.util, os, other\n"
        "assert importlib.util.find_spec('flask') is None\n"
        "def handler(event, context):\n"
        "    assert event['path'] == '/health' and os.environ['ENVIRONMENT'] == 'dev'\n"
        "    return {'statusCode': 200}\n"
    )
    (folder / "other.py").write_text("")
    package = Package("name", folder, "main.handler", tmp_path / "none.zip")
    took = cold_start.cold({"name": package}, tmp_path)["name"]

    assert cold_start.ROUNDS == len(took)
    assert all(0 < imported <= answered for imported, answered in took)
    assert {"main.py", "other.py"} == {path.name for path in folder.rglob("*")}
