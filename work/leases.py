"""A claim on a row: proof, at every write, that it is still ours."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field

from django.db import connection, transaction

from ledger.statements import say
from work import hints
from work.models import Work
from work.outcomes import Done, LostLease, Outcome, Wait
from work.registry import Handler
from work.settling import settle, settle_all, wait_all

HOLD_ALL = """
SELECT w.id, w.woken FROM work_work w JOIN unnest(%(ids)s::bigint[], %(fences)s::bigint[]) AS ours(id, fence)
  ON w.id = ours.id AND w.fence = ours.fence
WHERE w.status = 'running' ORDER BY w.id FOR UPDATE OF w
"""
HOLD_FREE = HOLD_ALL + " SKIP LOCKED"
HOLD = "SELECT woken FROM work_work WHERE id = %s AND fence = %s AND status = 'running' FOR UPDATE"


@dataclass(eq=False)
class Turn:
    """What `lease.commit()` yields: the row, held; `end` makes this transaction the turn's last."""

    row: Work
    outcome: Outcome | None = None

    def end(self, outcome: Outcome) -> None:
        self.outcome = outcome


@dataclass(eq=False)
class Lease:
    """Handed to a handler. Every write happens in `with lease.commit():`, which refuses once the row is not ours."""

    work: Work
    handler: Handler
    started: float = field(default_factory=time.monotonic)
    ended: Outcome | None = None

    @property
    def fence(self) -> int:
        return self.work.fence

    def check(self) -> None:
        """Cheap question before something slow or outward: is it still ours?"""
        if not Work.objects.filter(pk=self.work.pk, fence=self.fence, status=Work.Status.RUNNING).exists():
            raise LostLease(str(self.work))

    @contextmanager
    def commit(self, outcome: Outcome | None = None) -> Iterator[Turn]:
        """A transaction that holds the row under our fence.

        With an outcome, given here or to `turn.end`, the turn ends together with what is written here: the effect and
        the record that it is done cannot come apart.
        """
        with transaction.atomic():
            turn = Turn(self._hold(), outcome)
            yield turn
            if turn.outcome is not None:
                settle(turn.row, turn.outcome, self.handler)
                hints.last_commit(self.handler.queue)
        self.ended = turn.outcome or self.ended

    def _hold(self) -> Work:
        """The row, locked, if it is ours. While it is, nobody else changes what it holds, but for a wake."""
        found = say(HOLD, [self.work.pk, self.fence])
        if not found:
            raise LostLease(str(self.work))
        row = copy(self.work)
        row.woken = found[0][0]
        return row


@dataclass(eq=False)
class Turns:
    """What `commit_all` yields: the leases that are ours still; `end` ends the turn of one with this transaction."""

    ours: list[Lease]
    outcomes: dict[Lease, Outcome] = field(default_factory=dict)

    def end(self, lease: Lease, outcome: Outcome) -> None:
        self.outcomes[lease] = outcome


@contextmanager
def commit_all(leases: Iterable[Lease], *, wait: bool = True) -> Iterator[Turns]:
    """A transaction with which several turns of one kind end. It holds those that are still ours: what was done for the
    others, their new holders do again. Without `wait`, what somebody else holds at this moment is left out, too: for
    rows that others take several of, in an order of their own."""
    leases = list(leases)
    with transaction.atomic():
        ids, fences = [lease.work.pk for lease in leases], [lease.fence for lease in leases]
        woken = dict(say(HOLD_ALL if wait else HOLD_FREE, {"ids": ids, "fences": fences}))
        turns = Turns([lease for lease in leases if lease.work.pk in woken])
        yield turns
        done, waits = [], []
        for lease, outcome in turns.outcomes.items():
            row = copy(lease.work)
            row.woken = woken[row.pk]
            if isinstance(outcome, Done):
                done.append((row, outcome))
            elif isinstance(outcome, Wait) and row.deadline is None:
                waits.append((row, outcome))
            else:
                settle(row, outcome, lease.handler)
            hints.last_commit(lease.handler.queue)
        settle_all(done)
        wait_all(waits)
    for lease, outcome in turns.outcomes.items():
        lease.ended = outcome


class Heart:
    """One thread a process keeps every running lease alive with one statement a second."""

    BEAT = 1.0

    def __init__(self) -> None:
        self._leases: set[Lease] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keep(self, lease: Lease) -> Iterator[None]:
        with self._lock:
            self._leases.add(lease)
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="leases", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._leases.discard(lease)

    def _beat(self) -> None:
        while held := self._held():
            self._extend(held)
        connection.close()

    def _held(self) -> list[Lease]:
        """Those to keep alive after a pause; with none left the thread ends, and the next lease starts another."""
        while True:
            time.sleep(self.BEAT)
            now = time.monotonic()
            with self._lock:
                if not self._leases:
                    self._thread = None
                    return []
                if held := [lease for lease in self._leases if now - lease.started < lease.handler.longest]:
                    return sorted(held, key=lambda lease: lease.work.pk)  # in the order in which others lock them

    def _extend(self, held: list[Lease]) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.executemany(
                    "UPDATE work_work SET lease_until = now() + make_interval(secs => %s) "
                    "WHERE id = %s AND fence = %s AND status = 'running'",
                    [(lease.handler.lease, lease.work.pk, lease.fence) for lease in held],
                )
        except Exception:  # whatever happens to the database, the next beat tries again on a new connection
            connection.close()


HEART = Heart()
