"""The parent of workers that are killed: `python -m tests.crash.parent`, told over standard input, one line a thing.

It has everything imported, holds no connection and no thread, and forks; so a worker that is to die at its first commit
costs what it does, and not three seconds of imports before. Each is an operating-system process of its own, with its
own connections, and is killed as the kernel kills. Lines are JSON: `{"start": …}` is answered with the child's pid,
`{"wait": pid, "seconds": n}` with how it ended (null: not yet), `{"kill": pid}` with nothing to say. The end of the
input is the end of everybody.
"""

import gc
import json
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from config.headroom import with_headroom
from tests.crash.campaign.nursery import as_child, celery_worker, warm


def turns(rows: list[int], seconds: float = 120) -> None:
    """A worker without a queue: takes turns on the given rows until they end or it is killed."""
    from work import runner
    from work.models import Work

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for row in rows:
            runner.run(row)
        if not Work.objects.filter(pk__in=rows, status__in=Work.OPEN).exists():
            return
        time.sleep(0.05)
    raise SystemExit("its rows never ended")


def live(said: Mapping[str, Any]) -> None:
    """The child: it never comes back from here."""
    code = 3
    try:
        as_child(said["crash_at"])
        from django.conf import settings

        for name, value in said["settings"].items():
            setattr(settings, name, value)
        if said["celery"]:
            celery_worker([*said["celery"], f"--hostname=p{os.getpid()}@localhost"])
        else:
            with_headroom(turns, said["rows"])
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


class Parent:
    """Does as it is told, one thing after the other."""

    def __init__(self) -> None:
        self.children: dict[int, int] = {}

    def run(self) -> None:
        deeds: dict[str, Callable[[Any, Mapping[str, Any]], object]] = {
            "start": self._start,
            "wait": self._wait,
            "kill": self._kill,
        }
        for line in sys.stdin:
            said = json.loads(line)
            (deed,) = deeds.keys() & said.keys()
            print(json.dumps(deeds[deed](said[deed], said)), flush=True)

    def end(self) -> None:
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)

    def _start(self, life: Mapping[str, Any], _said: object) -> int:
        assert threading.active_count() == 1, "a fork with threads may never wake up"
        pid = os.fork()
        if pid == 0:
            live(life)
        self.children[pid] = os.pidfd_open(pid)
        return pid

    def _wait(self, pid: int, said: Mapping[str, Any]) -> int | None:
        if not select.select([self.children[pid]], [], [], said["seconds"])[0]:
            return None
        os.close(self.children.pop(pid))
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def _kill(self, pid: int, _said: object) -> None:
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    warm()
    gc.collect()
    gc.freeze()  # a child's collector would copy every page that it looks at
    parent = Parent()
    print("ready", flush=True)
    try:
        parent.run()
    finally:
        parent.end()


if __name__ == "__main__":
    main()
