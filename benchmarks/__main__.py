"""`make bench`: every figure, or those whose group is named: `make bench ARGS=events`."""

import sys
import tempfile
from pathlib import Path

from benchmarks import events
from tests.stack import Stack

GROUPS = {
    "events": (events.measure, ("--only", "postgres,redis,migrate,ledger")),
}


def main(asked: list[str]) -> None:
    for name in asked or list(GROUPS):
        measure, arguments = GROUPS[name]
        with tempfile.TemporaryDirectory(prefix="breakglass-bench-", ignore_cleanup_errors=True) as folder:
            stack = Stack.prepare(Path(folder) / "state", *arguments)
            try:
                measure(stack.start())
            finally:
                stack.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
