"""Lays out the Chromium of the tests: `python bin/browser/unpack.py FOLDER STAMP`, by the Makefile.

FOLDER/.lock holds the stamp once that is done. For the tests of pages alone: where it can't be had they use the
machine's own browser, or say at the end that they did not run.

The npm package @sparticuz/chromium carries a headless Chromium for Linux on x86-64 with the libraries and fonts that
it needs, compressed with Brotli; bin/npm.py fetches it by the digest in package-lock.json.
"""

import platform
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import npm  # type: ignore[import-not-found] # noqa: E402 - beside the folder

_INFLATE = "process.stdin.pipe(require('zlib').createBrotliDecompress()).pipe(process.stdout)"
# Its libraries and fonts stand in for those that a machine without a desktop lacks. Its own settings look for the
# fonts where Lambda has them; where it finds none it ends ("SkFontMgr_FontConfigInterface: Not implemented").
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""
_LAUNCHER = """#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH=$here/lib FONTCONFIG_FILE=$here/fonts.conf exec "$here/headless_shell" "$@"
"""


def main(folder: Path, stamp: str) -> None:
    """Make FOLDER/chromium/chromium, a program, anew."""
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        try:
            lay_out(folder / "chromium")
        except subprocess.CalledProcessError as error:
            print(f"no Chromium could be fetched: {error}", file=sys.stderr)
            return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".lock").write_text(f"{stamp}\n")


def lay_out(folder: Path) -> None:
    """Fetch the package, and make the folder anew. Raises CalledProcessError."""
    fetched = folder / "fetched"
    shutil.rmtree(folder, ignore_errors=True)
    packed = npm.ci(HERE, fetched) / "@sparticuz/chromium/bin"

    def inflated(name: str) -> bytes:
        with (packed / f"{name}.br").open("rb") as compressed:
            written: bytes = npm.node(_INFLATE, stdin=compressed)
        return written

    for name in ("al2023", "swiftshader", "fonts"):
        with tarfile.open(fileobj=BytesIO(inflated(f"{name}.tar"))) as archive:
            archive.extractall(folder, filter="data")
    (folder / "fonts.conf").write_text(_FONTS, encoding="utf-8")
    for name, content in (("headless_shell", inflated("chromium")), ("chromium", _LAUNCHER.encode())):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o755)
    shutil.rmtree(fetched)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
