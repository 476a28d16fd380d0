"""A worker as an operating-system process of its own: takes turns on the given rows until they end or it is killed.

    python -m tests.crash.worker 3 4

Which point it dies at, and in whose database it works, its environment says.
"""

import sys
import time

import django


def main(work_ids: list[int], seconds: float = 120) -> None:
    django.setup()
    from work import runner
    from work.models import Work

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for work_id in work_ids:
            runner.run(work_id)
        if not Work.objects.filter(pk__in=work_ids, status__in=Work.OPEN).exists():
            return
        time.sleep(0.05)
    raise SystemExit("its rows never ended")


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]])
