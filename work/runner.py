"""One turn of one row: claim, run the handler under a lease, settle."""

import logging
import os
import socket
import threading
import time
from contextlib import ExitStack

from django.utils import timezone
from structlog.contextvars import bound_contextvars

from work import faults, hints
from work.leases import HEART, Lease
from work.models import Work
from work.outcomes import Fail, LostLease, Outcome, Retry, Wait
from work.registry import HANDLERS, Together
from work.services import claim, claim_next

logger = logging.getLogger(__name__)
LONG = 1.0
"""Seconds after which a thread gives back what it claimed along with others and has not begun."""


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident() % 100_000}"


def run(work_id: int) -> Outcome | None:
    """Do one turn if the row is due and free. None: there was nothing to do, or it was taken from us meanwhile."""
    row = claim(work_id, worker_name())
    return None if row is None else _run(row)


def run_next(kind: str, most: int = 1) -> int:
    """Do one turn of some rows of this kind that are due and that nobody hinted; how many there were."""
    together = HANDLERS[kind].together
    rows = claim_next(kind, worker_name(), most if together else 1)
    if together is None or (len(rows) == 1 and not HANDLERS[kind].gathered):
        for row in rows:
            _run(row)
    elif rows:
        _run_together([Lease(work=row, handler=HANDLERS[kind]) for row in rows], together)
    return len(rows)


def _run_together(leases: list[Lease], together: Together) -> None:
    """What is not done together is done one by one; if that took long already, by whoever comes."""
    faults.point("work.claimed")
    began = time.monotonic()
    with ExitStack() as kept:
        for lease in leases:
            kept.enter_context(HEART.keep(lease))
        try:
            together(leases)
        except Exception:  # each finds out in its own turn what is wrong with it
            logger.exception("%s of %s at once failed", len(leases), leases[0].work.kind)
        for lease in leases:
            if lease.ended is None:
                late = time.monotonic() - began > LONG
                _take_turn(lease, Wait(timezone.now(), "others before it took long") if late else None)


def _run(row: Work) -> Outcome | None:
    faults.point("work.claimed")
    return _take_turn(Lease(work=row, handler=HANDLERS[row.kind]))


def _take_turn(lease: Lease, outcome: Outcome | None = None) -> Outcome | None:
    """The turn, if it has no outcome yet, and its end."""
    row = lease.work
    hints.turn_of(row.kind, crowd=lease.handler.crowd and not lease.handler.gathered)
    with bound_contextvars(work_id=row.pk, work_kind=row.kind, scope_id=row.scope_id), HEART.keep(lease):
        try:
            return _settled(lease, outcome) if outcome else _turn(lease)
        except LostLease:
            logger.warning("the lease of %s was lost; its new holder goes on", row)
            return None


def _turn(lease: Lease) -> Outcome:
    outcome: Outcome
    try:
        if lease.work.failures >= lease.handler.max_failures:
            outcome = Fail(f"its worker died {lease.work.failures} times")
        else:
            outcome = lease.handler.run(lease)
    except LostLease:
        raise
    except Exception as error:
        logger.exception("%s failed", lease.work)
        outcome = Retry(f"{type(error).__name__}: {error}")
    return _settled(lease, outcome)


def _settled(lease: Lease, outcome: Outcome) -> Outcome:
    if lease.ended is not None:
        return lease.ended
    faults.point("work.settling")
    with lease.commit(outcome):
        pass
    return outcome
