"""Lays out the Chromium of the tests: `python bin/browser/unpack.py FOLDER STAMP`, by the Makefile.

FOLDER/.lock holds the stamp once that is done. For the tests of pages alone: where it can't be had they use the
machine's own browser, or say at the end that they did not run.

The npm package @sparticuz/chromium carries a headless Chromium for Linux on x86-64 with the libraries and fonts that
it needs, compressed with Brotli. `npm ci` fetches it by the digest in package-lock.json and runs no script of any
package; npm itself comes from PyPI, by hash, so that nothing but Python has to be there.
"""

import platform
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

HERE = Path(__file__).resolve().parent
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
    (folder / ".lock").write_text(f"{stamp}\n")


def lay_out(folder: Path) -> None:
    """Fetch the package, and make the folder anew. Raises CalledProcessError."""
    programs = Path(sys.executable).parent
    fetched = folder / "fetched"
    shutil.rmtree(folder, ignore_errors=True)
    fetched.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, fetched)
    subprocess.run(
        [programs / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=fetched,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    packed = fetched / "node_modules/@sparticuz/chromium/bin"

    def inflated(name: str) -> bytes:
        with (packed / f"{name}.br").open("rb") as compressed:
            return subprocess.run(
                [programs / "node", "-e", _INFLATE], stdin=compressed, stdout=subprocess.PIPE, check=True
            ).stdout

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
