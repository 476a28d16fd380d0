"""Work of this room."""

from notify.deliveries import services
from notify.deliveries.lanes import KIND
from notify.deliveries.together import attempt_together
from notify.pages import climbing
from notify.pages.services import CLIMB
from notify.pages.together import turn_together
from notify.promises import services as promises
from notify.subscribers import services as subscribers
from work import URGENT, Backoff, Lease, Outcome, handler
from work.models import Work


def _ended(work: Work, outcome: Outcome) -> None:
    if work.status == Work.Status.FAILED:
        services.gave_up(work.payload["delivery"], work.error)


# A channel's patience ends a copy long before; so many turns may only be lost or go wrong.
@handler(
    KIND,
    lease=5,
    longest=60,
    max_attempts=400,
    backoff=Backoff(base=2, cap=900),
    on_end=_ended,
    crowd=True,
    together=attempt_together,
)
def deliver(lease: Lease) -> Outcome:
    return services.attempt(lease)


handler(promises.KIND, lease=5, max_attempts=60)(promises.watch)
handler(subscribers.KIND, lease=5, longest=60, max_attempts=8, backoff=Backoff(base=2, cap=900))(subscribers.send_link)


@handler(
    CLIMB,
    lease=5,
    max_attempts=1_000_000,
    backoff=Backoff(base=1, cap=30),
    queue=URGENT,
    crowd=True,
    together=turn_together,
    gathered=True,
)
def climb(lease: Lease) -> Outcome:
    """A page is never given up: what keeps it from climbing is tried again, and alarms meanwhile. Its
    timers wait behind no crowd of copies: whoever is told next is told when it is time."""
    return climbing.turn(lease)
