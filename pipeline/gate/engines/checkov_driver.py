"""Starts checkov ahead of its input: importing it takes seconds, in which the templates are expanded.

Run with the Python of checkov's environment: MARK FOLDER ARGUMENTS... The mark is a file that appears once the
folder is filled.
"""

import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any


def main() -> int:
    """Wait for the mark, then be checkov. Status 3: nobody is left to fill the folder."""
    parent = os.getppid()
    mark, folder, *arguments = sys.argv[1:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=SyntaxWarning)
        from checkov.cloudformation.graph_builder.local_graph import (  # type: ignore[import-not-found]
            CloudformationLocalGraph,
        )
        from checkov.main import Checkov  # type: ignore[import-not-found]

        _render_nothing(CloudformationLocalGraph)
        while not Path(mark).exists():
            if os.getppid() != parent:
                return 3
            time.sleep(0.01)
        if not any(Path(folder).iterdir()):
            print("{}")
            return 0
        return int(Checkov(["--directory", folder, *arguments]).run() or 0)


def _render_nothing(graph: Any) -> None:
    """Two thirds of checkov's time go into putting values in the place of references, which is done already:
    the templates in the folder are resolved by what each environment says, not by the parameters' defaults."""
    build = graph.build_graph
    graph.build_graph = lambda self, render_variables: build(self, render_variables=False)


if __name__ == "__main__":
    sys.exit(main())
