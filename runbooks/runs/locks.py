"""Locks on contracts: two runs never act on one at once. A lock is a row; taking and freeing it are events.

A step that finds a lock taken waits and costs no worker: the event of its release wakes it. The lock's row is held
while the waiting is written down, so that a release cannot slip in between.
"""

from collections.abc import Mapping

from django.db import IntegrityError, transaction

from ledger import record
from runbooks.runs.flights import Stepping, flights_of
from runbooks.runs.models import OPEN_STEP, Lock, Phase, Run, StepRun
from runbooks.runs.outline import Place, outline_of


def take(run: Run, place: Place, *, actor: str) -> int | None:
    """None: it is this run's now. A number: the run that has it. The caller is in the step's transaction."""
    if run.environment == "rehearsal":  # on a chain of its own, where nobody else acts
        return None
    for _ in range(3):
        where = {"chain_id": place.chain_id, "address": place.address}
        held = Lock.objects.select_for_update().filter(**where).first()
        if held is not None:
            return None if held.run_id == run.pk else held.run_id
        try:
            with transaction.atomic():
                Lock.objects.create(run=run, **where)
        except IntegrityError:
            continue  # somebody else took it at this moment, and may be giving it back already
        record("lock.taken", actor=actor, scope=run.scope, subject=place.subject, after=_about(run, place.name))
        return None
    return _holder(place)


def _holder(place: Place) -> int:
    found = Lock.objects.filter(chain_id=place.chain_id, address=place.address).values_list("run_id", flat=True).first()
    return found or 0


def _about(run: Run, name: str) -> dict[str, str]:
    return {"run": run.subject, "name": name}


def free_unneeded(run: Run, steps: Mapping[str, Stepping], statuses: Mapping[str, str], *, actor: str) -> None:
    """Give back what no step of this run will act on any more, and nothing that it sent may yet take effect on."""
    locked = [rule for rule in outline_of(run.plan).rules.values() if rule.lock is not None]
    held = list(Lock.objects.filter(run=run)) if locked else []
    if not held:
        return
    due = {rule.lock for rule in locked if not run.is_over and _due(run, rule.phase, statuses[rule.id])}
    names = {(rule.lock.chain_id, rule.lock.address): rule.lock.name for rule in locked if rule.lock}
    needed = {(place.chain_id, place.address) for place in due if place}
    if any((lock.chain_id, lock.address) not in needed for lock in held):
        ended = [steps[rule.id] for rule in locked if statuses[rule.id] in ("failed", "skipped")]
        flying = {name for name, flight in flights_of(run, ended).items() if flight.lives}
        needed |= {(rule.lock.chain_id, rule.lock.address) for rule in locked if rule.lock and rule.id in flying}
    for lock in held:
        where = (lock.chain_id, lock.address)
        if where not in needed:
            lock.delete()
            after = _about(run, names.get(where, ""))
            record("lock.freed", actor=actor, scope=run.scope, subject=Place(*where).subject, after=after)


def _due(run: Run, phase: str, status: str) -> bool:
    """Whether a step may still act: under way or unknown, or to come in this phase or at the end.

    A failed run lets go of what it has not begun: nobody must wait for it at night, and a retry takes it again.
    """
    if status in (*OPEN_STEP, "unknown"):
        return True
    return status == "pending" and run.status != "failed" and phase in (run.phase, Phase.FINALLY)


def circle(step: StepRun, holder: int) -> int | None:
    """The run that stands still because of this one while this one waits for it: then nobody would ever go on.

    A run stands still when every step of it that is under way waits for a lock; one that can still move may let go.
    """
    seen, look = set(), {holder}
    if not _stands_still(step.run_id, besides=step.pk):
        return None
    while look:
        run = look.pop()
        seen.add(run)
        if not _stands_still(run):
            continue
        wanted = StepRun.objects.filter(run=run, status="waiting", waiting_for__startswith="lock:")
        for subject in wanted.values_list("waiting_for", flat=True):
            _, chain_id, address = subject.split(":")
            found = (
                Lock.objects.filter(chain_id=int(chain_id), address=address).values_list("run_id", flat=True).first()
            )
            if found == step.run_id:
                return run
            if found is not None and found not in seen:
                look.add(found)
    return None


def _stands_still(run: int, besides: int | None = None) -> bool:
    open_steps = StepRun.objects.filter(run=run, status__in=(*OPEN_STEP, "unknown")).exclude(pk=besides or 0)
    return not open_steps.exclude(waiting_for__startswith="lock:").exists()


def waiting_for(subject: str) -> list[StepRun]:
    """Who waits for a lock, the longest first."""
    return list(StepRun.objects.filter(waiting_for=subject, status__in=OPEN_STEP).order_by("waits_since", "pk"))
