"""What Celery calls: thin, by id."""

import time

from celery import shared_task

from work import hints, runner, services

TURNS, SECONDS, CROWD_SECONDS = 25, 1.0, 0.3
"""How many turns a worker's thread takes in a row, or for how long, before others have theirs."""
MOST, QUICK = 16, 0.1
"""So many of a crowd are taken at once where that can be, as long as it is quick; few at first."""


@shared_task(name="work.run", ignore_result=True)
def run(work_id: int) -> None:
    """One turn, and those that it leads to; of a crowd, some of those that wait beside it."""
    began, turns, most = time.monotonic(), 1, 2
    with hints.nearby() as near:
        if runner.run(work_id) is None and near.crowd is None:
            near.crowd = services.crowd_of(work_id)
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
            else:
                count = runner.run_next(near.crowd, most)
                if not count:
                    return
                turns += count - 1
                most = min(most * 2, MOST) if time.monotonic() - began - spent < QUICK else 1
            turns += 1


@shared_task(name="work.sweep", ignore_result=True)
def sweep() -> None:
    services.sweep()
