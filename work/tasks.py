"""What Celery calls: thin, by id."""

import time

from celery import shared_task

from work import hints, runner, services

TURNS, SECONDS, CROWD_SECONDS = 25, 1.0, 0.3
"""How many turns a worker's thread takes in a row, or for how long, before others have theirs."""


@shared_task(name="work.run", ignore_result=True)
def run(work_id: int) -> None:
    """One turn, and those that it leads to; of a crowd, some of those that wait beside it."""
    began, turns = time.monotonic(), 1
    with hints.nearby() as near:
        runner.run(work_id)
        while True:
            spent, found = time.monotonic() - began, near.take()
            if found is not None:
                if turns >= TURNS or spent > SECONDS:
                    hints.send(*found)
                    return
                runner.run(found[0])
            elif near.crowd is None:
                return
            elif turns >= TURNS or spent > CROWD_SECONDS:
                services.hint_next(near.crowd)
                return
            elif not runner.run_next(near.crowd):
                return
            turns += 1


@shared_task(name="work.sweep", ignore_result=True)
def sweep() -> None:
    services.sweep()
