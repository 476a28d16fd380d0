"""One exchange of a Safe with its chain's service, and when the next one is."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from governance.exchange.giving import give
from governance.exchange.models import Exchange, SafeService
from governance.exchange.oddities import ACTOR
from governance.exchange.taking import PASSING, Taken, take
from governance.proposals.counting import COLLECTING
from governance.safes.models import Safe
from governance.safes.services import current
from integrations.chain.errors import RpcError
from integrations.outgoing import OutgoingError, read_url
from integrations.safe.hashes import SafeTx
from integrations.safe.service import Service, ServiceTrouble
from ledger import Invalid, Refused, record
from work import Done, Lease, Outcome, Wait, enqueue
from work.models import Work
from work.services import wake

KIND = "governance.exchange"
SOON, IDLE = timedelta(seconds=20), timedelta(seconds=60)
"""Between two looks: while something of the Safe collects signatures, and otherwise."""
LONGEST_PAUSE = timedelta(minutes=2)


def subject_of(safe: Safe) -> str:
    return f"exchange:{safe.pk}"


@transaction.atomic
def ensure(safe: Safe) -> None:
    """One open row of work a Safe; a new one where the last has ended, however it did."""
    rows = Work.objects.filter(kind=KIND, subject=subject_of(safe))
    if rows.filter(status__in=Work.OPEN).exists():
        return
    enqueue(
        KIND, key=f"safe:{safe.pk}:{rows.count()}", subject=subject_of(safe), payload={"safe": safe.pk}, actor=ACTOR
    )


def ensure_all() -> int:
    """Called by beat: whatever was missed or has died is made up for."""
    safes = Safe.objects.filter(chain__safe_service__enabled=True)
    busy = set(Work.objects.filter(kind=KIND, status__in=Work.OPEN).values_list("subject", flat=True))
    missing = [safe for safe in safes if subject_of(safe) not in busy]
    for safe in missing:
        ensure(safe)
    return len(missing)


def hurry(safe: Safe) -> None:
    """Something was signed or proposed: not at the next look, but now."""
    for key in Work.objects.filter(kind=KIND, subject=subject_of(safe), status__in=Work.OPEN).values_list(
        "key", flat=True
    ):
        wake(KIND, key)


def run(lease: Lease) -> Outcome:
    """The work `governance.exchange`. It waits between two exchanges, and ends with its service."""
    safe = Safe.objects.select_related("chain").filter(pk=lease.work.payload["safe"]).first()
    service = SafeService.objects.filter(chain=safe.chain, enabled=True).first() if safe else None
    if safe is None or service is None:
        return Done({"nothing": "no service is set"})
    exchange, _ = Exchange.objects.get_or_create(safe=safe)
    if until := _held_off(service, exchange):
        return Wait(until, "it is left alone for a while")
    try:
        safe = current(safe)
        taken, given = _exchange(service, exchange, safe)
    except (ServiceTrouble, OutgoingError) as error:
        pause = error.pause if isinstance(error, ServiceTrouble) else None
        with lease.commit():
            until = _failed(service, exchange, getattr(error, "words", "") or str(error), pause)
        return Wait(until, "the service gives no answer")
    except (RpcError, Refused, Invalid) as error:
        if isinstance(error, Refused) and error.code not in PASSING:
            raise
        return Wait(timezone.now() + SOON, "the chain cannot be read")
    with lease.commit():
        _went_through(exchange, taken, given)
    return Wait(timezone.now() + _pause(safe), f"{taken.signatures} taken, {given} given")


def _held_off(service: SafeService, exchange: Exchange) -> datetime | None:
    """Until when it is not called: since it asked for that, or since it failed just now and something woke us."""
    now = timezone.now()
    held = [service.paused_until] if service.paused_until else []
    if exchange.failing_since and exchange.tried_at:
        held.append(exchange.tried_at + _backoff(exchange.failures))
    return max((one for one in held if one > now), default=None)


def _backoff(failures: int) -> timedelta:
    return min(timedelta(seconds=5 * 2 ** min(max(failures - 1, 0), 10)), LONGEST_PAUSE)


def _exchange(service: SafeService, exchange: Exchange, safe: Safe) -> tuple[Taken, int]:
    whose = SafeTx(safe.chain.chain_id, safe.address, safe.version, to=safe.address, nonce=safe.nonce)
    listing = Service(service.url, service.key).pending(whose)
    taken = take(safe, listing, read_url(service.url).place)
    return taken, give(Service(service.url, service.key), exchange, safe, listing)


def _pause(safe: Safe) -> timedelta:
    return SOON if safe.proposals.filter(status__in=COLLECTING).exists() else IDLE


def _failed(service: SafeService, exchange: Exchange, words: str, pause: float | None) -> datetime:
    now = timezone.now()
    first = exchange.failing_since is None
    exchange.failing_since = exchange.failing_since or now
    exchange.tried_at, exchange.problem = now, words[:300]
    exchange.failures += 1
    exchange.save(update_fields=["failing_since", "tried_at", "problem", "failures"])
    if first:
        record("service.failing", actor=ACTOR, subject=exchange.safe.subject, reason=exchange.problem)
    until = now + _backoff(exchange.failures)
    if pause is not None:
        until = max(until, now + timedelta(seconds=pause))
        SafeService.objects.filter(pk=service.pk).update(paused_until=until)
    return until


def _went_through(exchange: Exchange, taken: Taken, given: int) -> None:
    now = timezone.now()
    if exchange.failing_since is not None:
        since = exchange.failing_since.isoformat()
        record("service.answering", actor=ACTOR, subject=exchange.safe.subject, before={"failing_since": since})
    exchange.tried_at = exchange.done_at = now
    exchange.failing_since, exchange.problem, exchange.failures = None, "", 0
    exchange.unsigned = taken.unsigned
    exchange.save(update_fields=["tried_at", "done_at", "failing_since", "problem", "failures", "unsigned"])
    if taken.proposals or taken.signatures or given:
        after = {"proposals": taken.proposals, "signatures": taken.signatures, "given": given}
        record("service.exchanged", actor=ACTOR, subject=exchange.safe.subject, after=after)
