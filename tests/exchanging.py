"""What tests of the exchange share: a service set for a chain, one turn of everything due, owners who sign fields."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils import timezone

from governance.exchange import exchanging
from governance.exchange.models import Exchange, SafeService
from governance.exchange.services import set_service
from governance.safes.models import Safe
from integrations.chain.models import Chain
from tests.drain import settle
from tests.safe_service import FakeService, fake_service
from work.models import Work

KEY = "a-long-enough-key"


@contextmanager
def service_of(chain: Chain, settings: Any) -> Iterator[FakeService]:
    """It is let through although it stands on loopback and speaks http."""
    with fake_service() as made:
        settings.OUTGOING_ALLOW = [made.there.place]
        set_service(chain=chain, url=made.url, key=KEY, actor="user:1")
        yield made


def exchange(safe: Safe, *, patient: bool = False) -> Exchange:
    """The next look, without the wait before it; with `patient` not before what a failure or the service asks for."""
    exchanging.ensure_all()
    if not patient:
        Exchange.objects.update(tried_at=None)
        SafeService.objects.update(paused_until=None)
    work = Work.objects.filter(kind=exchanging.KIND, subject=exchanging.subject_of(safe))
    work.update(run_at=timezone.now())
    settle((exchanging.KIND,))
    return Exchange.objects.get(safe=safe)
