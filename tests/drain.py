"""Does by hand, one after the other, what the ledger's process and the workers do by themselves."""

from django.db.models import Q
from django.utils import timezone

from ledger.chain import link_once
from ledger.subscriptions import dispatch, ensure_rows
from work import runner
from work.models import Work


def settle(kinds: tuple[str, ...] = (), rounds: int = 40) -> None:
    """Link, hand on, run what is due, until nothing moves any more."""
    ensure_rows()
    for _ in range(rounds):
        linked = link_once()
        handed = dispatch()
        due = Work.objects.filter(status__in=("queued", "waiting"), run_at__lte=timezone.now())
        due |= Work.objects.filter(status="running", lease_until__lt=timezone.now())
        if kinds:
            due = due.filter(Q(kind__in=kinds))
        ids = list(due.order_by("run_at", "pk").values_list("pk", flat=True))
        for work_id in ids:
            runner.run(work_id)
        if not (linked or handed or ids):
            return
    raise AssertionError(f"still moving after {rounds} rounds")
