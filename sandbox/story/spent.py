"""Where the time of a story went, out of the intervals that `pipeline` notes (PIPELINE_TIMINGS)."""

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

type Interval = tuple[float, float]


@dataclass(frozen=True)
class Spent:
    """Wall seconds: of each external program or wait, and of the pipeline's own code.

    Where several ran at once the time is shared out, so that the sum is wall time and no more.
    """

    external: list[tuple[str, float]]
    own: float


def of(file: Path) -> Spent:
    """The times in a file of JSON lines, as pipeline.timings writes them."""
    rows = (
        [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    )
    names = sorted({row["name"] for row in rows if row["kind"] != "pipeline"})
    spans = [(row["name"], row["kind"], row["start"], row["end"]) for row in rows]
    marks = sorted({mark for span in spans for mark in span[2:]})
    seconds = dict.fromkeys(names, 0.0)
    own = 0.0
    for left, right in pairwise(marks):
        here = [span for span in spans if span[2] <= left and span[3] >= right]
        outside = [name for name, kind, _, _ in here if kind != "pipeline"]
        if outside:
            for name in outside:
                seconds[name] += (right - left) / len(outside)
        elif here:
            own += right - left
    return Spent(sorted(seconds.items(), key=lambda row: -row[1]), own)
