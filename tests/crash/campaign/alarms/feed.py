"""Something for the watch to see: a price feed of the devnet that stops and comes back, again and again."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import integrations.devnet.faults.stale_feed  # noqa: F401  (it registers itself)
from tests.crash.campaign.alarms.senders import Notes
from tests.stack import Stack

STALE, FRESH = 15.0, 20.0
"""Seconds of each."""
NAME = "stale-feed"


class Feed(threading.Thread):
    """Notes when it began to be stale and when it was mended: FOLDER/faults.jsonl."""

    def __init__(self, stack: Stack, folder: Path, seconds: float) -> None:
        super().__init__(daemon=True)
        self.stack, self.notes, self.end = stack, Notes(folder / "faults.jsonl"), time.monotonic() + seconds

    def run(self) -> None:
        while time.monotonic() + STALE < self.end:
            began = time.time()
            self._surely(lambda: self.stack.fault(NAME))
            time.sleep(STALE)
            self._surely(lambda: self.stack.fault(NAME, over=True))
            self.notes.write({"began": began, "over": time.time()})
            time.sleep(FRESH)

    def _surely(self, deed: Callable[[], str]) -> None:
        """The devnet may have gone down with everything else."""
        while True:
            try:
                deed()
            except Exception:
                time.sleep(1)
            else:
                return
