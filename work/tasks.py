"""What Celery calls: thin, by id."""

import time

from celery import shared_task

from work import hints, runner, services
from work.registry import is_gathered, queue_of

TURNS, SECONDS, CROWD_SECONDS = 25, 1.0, 0.3
"""How many turns a worker's thread takes in a row, or for how long, before others have theirs."""
MOST, SLICE = 16, 0.5
"""So many of a crowd are taken at once where that can be; fewer where those would take longer than this."""
_at_once: dict[str, int] = {}


@shared_task(name="work.run", ignore_result=True)
def run(work_id: int) -> None:
    """One turn, and those that it leads to; of a crowd, some of those that wait beside it."""
    began = time.monotonic()
    with hints.nearby() as near:
        if runner.run(work_id) is None and near.crowd is None:
            near.crowd = services.crowd_of(work_id)
        _go_on(near, began)


@shared_task(name="work.gathered", ignore_result=True)
def gathered(kind: str) -> None:
    """All that is due of a kind, and what that leads to."""
    began = time.monotonic()
    with hints.nearby() as near:
        _all_of(kind, began)
        _go_on(near, began)


def _go_on(near: hints.Nearby, began: float, turns: int = 1) -> None:
    while True:
        spent, found = time.monotonic() - began, near.take()
        if found is not None:
            if turns >= TURNS or spent > SECONDS:
                _hand_on(*found)
                return
            if is_gathered(found[1]):
                _all_of(found[1], began)
            else:
                runner.run(found[0])
        elif near.crowd is None:
            return
        elif turns >= TURNS or (
            turns > 1 and spent > CROWD_SECONDS
        ):  # what is done together saves most when it is late
            services.hint_next(near.crowd)
            return
        else:
            count = _several(near.crowd)
            if not count:
                return
            turns += count - 1
        turns += 1


def _hand_on(work_id: int, kind: str) -> None:
    if is_gathered(kind):
        hints.call(kind)
    else:
        hints.send(work_id, queue_of(kind))


def _all_of(kind: str, began: float) -> None:
    """Until there are fewer than could be taken: whatever comes after them has a hint of its own."""
    while runner.run_next(kind, MOST) == MOST:
        if time.monotonic() - began > CROWD_SECONDS:
            hints.call(kind)
            return


def _several(kind: str) -> int:
    """As many as will fit into a slice of time, going by those before: slow receivers are left to several threads."""
    began = time.monotonic()
    count = runner.run_next(kind, _at_once.get(kind, 4))
    if count:
        fit = int(SLICE * count / max(time.monotonic() - began, 0.001))
        _at_once[kind] = max(1, min(MOST, 2 * count, fit))
    return count


@shared_task(name="work.sweep", ignore_result=True)
def sweep() -> None:
    services.sweep()
