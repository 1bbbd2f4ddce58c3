"""What bin/pipeline starts: the command, with nothing of this checkout to import but the package `pipeline`.

No folder of the checkout is on sys.path, neither before the standard library nor behind it, where a module at the
top would be found whose name somebody tries to import (such as msvcrt, or awscrt). What this starts doesn't get
PYTHONPATH and its like either.
"""

import importlib.util
import os
import sys
from pathlib import Path


def _take_package(folder: Path) -> None:
    """Make `pipeline` the package in `folder`; its modules are looked for there alone."""
    spec = importlib.util.spec_from_file_location(
        "pipeline", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is no package")
    sys.modules["pipeline"] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)


if __name__ == "__main__":
    _take_package(Path(__file__).resolve().parent)
    for name in [name for name in os.environ if name.startswith("PYTHON")]:
        del os.environ[name]

    from pipeline.cli import main

    sys.exit(main())
