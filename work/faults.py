"""Named points at which a test can kill the process: `BREAKGLASS_CRASH_AT=tx.stored`, or `tx.stored:3`: third pass."""

import os
import signal
from collections import Counter

from django.conf import settings

_passed: Counter[str] = Counter()


def point(name: str) -> None:
    wanted = os.environ.get("BREAKGLASS_CRASH_AT")
    if not wanted or settings.PROFILE != "test":
        return
    target, _, count = wanted.partition(":")
    if target == name:
        _passed[name] += 1
        if _passed[name] == int(count or 1):
            os.kill(os.getpid(), signal.SIGKILL)
