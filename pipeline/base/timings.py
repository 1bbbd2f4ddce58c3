"""Where the time of a run went: one JSON line an interval, when PIPELINE_TIMINGS names a file.

The intervals are on the machine's monotonic clock, so that those of several processes can be laid together.
"""

import json
import os
import time
from pathlib import Path


def record(kind: str, name: str, start: float) -> None:
    """Note that `name` ran from `start` (seconds, time.monotonic) until now.

    `kind` is `pipeline` for a whole command, `program` for another program, `aws` for waiting for AWS.
    """
    file = os.environ.get("PIPELINE_TIMINGS")
    if not file:
        return
    line = json.dumps({"kind": kind, "name": name, "start": start, "end": time.monotonic()})
    with Path(file).open("a", encoding="utf-8") as out:
        out.write(line + "\n")
