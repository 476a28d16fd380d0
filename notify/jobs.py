"""Work of this room."""

from notify.deliveries import services
from work import Backoff, Lease, Outcome, handler
from work.models import Work


def _ended(work: Work, outcome: Outcome) -> None:
    if work.status == Work.Status.FAILED:
        services.gave_up(work.payload["delivery"], work.error)


@handler("notify.delivery", lease=5, longest=60, max_attempts=8, backoff=Backoff(base=2, cap=900), on_end=_ended)
def deliver(lease: Lease) -> Outcome:
    return services.attempt(lease)
