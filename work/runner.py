"""One turn of one row: claim, run the handler under a lease, settle."""

import logging
import os
import socket
import threading

from structlog.contextvars import bound_contextvars

from work import faults, hints
from work.leases import HEART, Lease
from work.models import Work
from work.outcomes import Fail, LostLease, Outcome, Retry
from work.registry import HANDLERS
from work.services import claim, claim_next

logger = logging.getLogger(__name__)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident() % 100_000}"


def run(work_id: int) -> Outcome | None:
    """Do one turn if the row is due and free. None: there was nothing to do, or it was taken from us meanwhile."""
    row = claim(work_id, worker_name())
    return None if row is None else _run(row)


def run_next(kind: str) -> bool:
    """Do one turn of a row of this kind that is due and that nobody hinted; whether there was one."""
    row = claim_next(kind, worker_name())
    if row is not None:
        _run(row)
    return row is not None


def _run(row: Work) -> Outcome | None:
    faults.point("work.claimed")
    lease = Lease(work=row, handler=HANDLERS[row.kind])
    hints.turn_of(row.kind, crowd=lease.handler.crowd)
    with bound_contextvars(work_id=row.pk, work_kind=row.kind, scope_id=row.scope_id), HEART.keep(lease):
        try:
            return _turn(lease)
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
    if lease.ended is not None:
        return lease.ended
    faults.point("work.settling")
    with lease.commit(outcome):
        pass
    return outcome
