"""One watcher at a time: a row that is renewed, with a fence that every write checks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min
from django.db.models.functions import Now
from django.utils import timezone

from incidents.watch.models import Monitor, WatchedBlock, WatchLease
from integrations.chain.models import Chain

NAME = "watch"
LENGTH = timedelta(seconds=5)
MISSED = timedelta(seconds=60)
STILL = timedelta(minutes=2)
SLOW_BLOCKS = 20  # a chain is not asked for more than it promises


class LostWatch(Exception):
    """Another process watches now; what we were about to write is not ours to write."""


@dataclass(frozen=True, slots=True)
class Held:
    """Proof that we are the one who watches."""

    holder: str
    fence: int

    @contextmanager
    def commit(self) -> Iterator[None]:
        """A transaction that holds the lease's row under our fence."""
        with transaction.atomic():
            ours = WatchLease.objects.select_for_update().filter(name=NAME, holder=self.holder, fence=self.fence)
            if ours.first() is None:
                raise LostWatch(self.holder)
            yield


@transaction.atomic
def take(holder: str) -> Held | None:
    """Take the watch if nobody holds it, or keep it if we do."""
    now = timezone.now()
    WatchLease.objects.get_or_create(name=NAME, defaults={"holder": "", "until": now - LENGTH, "beat_at": now})
    # Whoever watches waits for what it writes itself; the others have no reason to stand in line.
    ours = WatchLease.objects.filter(name=NAME, holder=holder).exists()
    row = WatchLease.objects.select_for_update(skip_locked=not ours).filter(name=NAME).first()
    if row is None:
        return None
    now = timezone.now()
    if row.holder == holder:
        WatchLease.objects.filter(name=NAME).update(until=now + LENGTH, beat_at=Now())
        return Held(holder, row.fence)
    if row.until > now:
        return None
    WatchLease.objects.filter(name=NAME).update(holder=holder, fence=row.fence + 1, until=now + LENGTH, beat_at=Now())
    return Held(holder, row.fence + 1)


def release(held: Held) -> None:
    """On an orderly stop the next one need not wait."""
    WatchLease.objects.filter(name=NAME, holder=held.holder, fence=held.fence).update(until=timezone.now())


def unwatched(now: datetime) -> str:
    """In words, if there is something to watch and nobody has for a while: no process, or none that gets on."""
    watched = Monitor.objects.filter(enabled=True)
    began = dict(watched.values("chain_id").annotate(began=Min("created_at")).values_list("chain_id", "began"))
    if not began:
        return ""
    if not WatchLease.objects.filter(name=NAME, beat_at__gt=now - MISSED).exists():
        return "nobody has watched the chains for a minute"
    late = [chain.name for chain in Chain.objects.filter(pk__in=began) if _stands_still(chain, began[chain.pk], now)]
    return f"no block of {', '.join(late)} was looked at for minutes" if late else ""


def _stands_still(chain: Chain, began: datetime, now: datetime) -> bool:
    """Whether the chain ended, its endpoints are silent, or whoever follows it goes wrong: nothing is judged."""
    patience = max(STILL, timedelta(seconds=SLOW_BLOCKS * chain.block_time))
    last = WatchedBlock.objects.filter(chain=chain).order_by("-pk").values_list("at", flat=True).first()
    return max(last or began, began) < now - patience
