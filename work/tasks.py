"""What Celery calls: thin, by id."""

import time

from celery import shared_task

from work import hints, runner, services

TURNS, SECONDS = 25, 1.0
"""How many turns a worker's thread takes in a row, or for how long, before others have theirs."""


@shared_task(name="work.run", ignore_result=True)
def run(work_id: int) -> None:
    """One turn, and those that it leads to."""
    end = time.monotonic() + SECONDS
    with hints.nearby() as near:
        for _ in range(TURNS):
            runner.run(work_id)
            found = near.take()
            if found is None:
                return
            work_id, queue = found
            if time.monotonic() > end:
                break
    hints.send(work_id, queue)


@shared_task(name="work.sweep", ignore_result=True)
def sweep() -> None:
    services.sweep()
