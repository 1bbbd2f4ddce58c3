"""What bin/pipeline starts: the command, with nothing of this checkout to import but the package `pipeline`.

No folder of the checkout is on sys.path, neither before the standard library nor behind it, where a module at the
top would be found whose name somebody tries to import (such as msvcrt, or awscrt). What this starts doesn't get
PYTHONPATH and its like either.

Python came without site (-S), so that nothing of .venv ran yet. Its folder of packages is put on sys.path here, and no
more: the list of .pth files that may run in this process, and of sitecustomize and its like, is empty.
"""

import importlib.util
import os
import sys
from pathlib import Path


def _take_packages(venv: Path) -> None:
    """Let what is installed in `venv` be imported, and run none of it."""
    folder = venv / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    if not folder.is_dir():
        sys.stderr.write(f"pipeline: {folder} is missing. Run: make -C '{venv.parent}' clean install\n")
        sys.exit(2)
    if str(folder) not in sys.path:  # a Python that was started with site has it
        sys.path.append(str(folder))


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
    _take_package(package := Path(__file__).resolve().parent)
    _take_packages(package.parent / ".venv")
    for name in [name for name in os.environ if name.startswith("PYTHON")]:
        del os.environ[name]

    from pipeline.base import surroundings

    surroundings.confine()

    from pipeline.cli import main

    sys.exit(main())
