"""How a person would be told now, and who could not be."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Max

from accounts.models import User
from integrations.channels import CHANNELS
from notify.audiences.models import Destination
from notify.audiences.selectors import recipients
from notify.deliveries.models import Delivery
from notify.ladders.gaps import unreachable


@dataclass(frozen=True)
class Reach:
    """The channels that would be used, and what is wrong: in words that hold no address."""

    channels: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True)
class Way:
    """One of a person's own, and how the last message there fared."""

    destination: Destination
    label: str
    last: Delivery | None
    waiting: int = 0
    why: str = ""


def reach_of(user: User) -> Reach:
    used = dict.fromkeys(CHANNELS[way.channel].label for way in recipients(None, [user]))
    return Reach(tuple(used), unreachable([user]).get(user, ""))


def has_no_way(user: User) -> bool:
    """Asked for on every front page, so at no cost where the account has a mail address."""
    return not user.email and not user.destinations.filter(enabled=True).exists()


def silent(users: Iterable[User]) -> list[tuple[User, str]]:
    """Of those who are active: who could not be told, and why."""
    return list(unreachable(user for user in users if user.is_active).items())


def ways_of(user: User) -> list[Way]:
    found = list(user.destinations.order_by("pk"))
    copies = Delivery.objects.filter(destination__in=found).order_by("destination_id", "-pk").distinct("destination_id")
    last = {copy.destination_id: copy for copy in copies}
    queued = Delivery.objects.filter(destination__in=found, status=Delivery.State.QUEUED).exclude(lane__failures=0)
    stuck: dict[int | None, tuple[int, str]] = {
        pk: (count, why)
        for pk, count, why in queued.values_list("destination").annotate(count=Count("pk"), why=Max("error"))
    }
    none = (0, "")
    return [Way(one, CHANNELS[one.channel].label, last.get(one.pk), *stuck.get(one.pk, none)) for one in found]
