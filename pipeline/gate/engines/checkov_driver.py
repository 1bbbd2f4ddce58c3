"""Starts checkov ahead of its input: importing it takes seconds, in which the templates are expanded.

Run with the Python of checkov's environment: MARK FOLDER ARGUMENTS... The mark is a file that appears
once the folder is filled.
"""

import sys
import time
import warnings
from pathlib import Path

_LONGEST = 120.0  # seconds to wait for the mark


def main() -> int:
    """Wait for the mark, then be checkov. Status 3: nobody filled the folder."""
    mark, folder, *arguments = sys.argv[1:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=SyntaxWarning)
        from checkov.main import Checkov  # type: ignore[import-not-found]

        end = time.monotonic() + _LONGEST
        while not Path(mark).exists():
            if time.monotonic() > end:
                return 3
            time.sleep(0.01)
        if not any(Path(folder).iterdir()):
            print("{}")
            return 0
        return int(Checkov(["--directory", folder, *arguments]).run() or 0)


if __name__ == "__main__":
    sys.exit(main())
