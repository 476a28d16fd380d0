"""How a figure is printed: one JSON line."""

import json
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path


def figure(name: str, value: float, unit: str, n: int, note: str = "") -> None:
    line = {"name": name, "value": round(value, 1), "unit": unit, "n": n, "note": note}
    print(json.dumps(line), flush=True)


def say(text: str) -> None:
    """Progress, away from the figures."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def spent(pid: int) -> float:
    """Seconds on a processor, with those of its children: what a figure cost, whatever others took of the machine."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK") + sum(spent(int(child)) for child in children)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, int(share * len(ordered) + 0.999999) - 1))]


def timings(name: str, values: Sequence[float], note: str = "") -> None:
    """Milliseconds: the median as the value, the 95th percentile in the note."""
    p95 = f"p95 {percentile(values, 0.95):.1f} ms"
    figure(name, statistics.median(values), "ms", len(values), f"{p95}; {note}" if note else p95)
