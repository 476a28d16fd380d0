"""Whom an audience reaches, and by which ways."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from accounts.models import User
from accounts.selectors import people_at
from integrations.channels import CHANNELS
from notify.audiences.models import Audience, Destination


@dataclass(frozen=True)
class Recipient:
    """One way to one receiver, frozen at the moment of sending."""

    channel: str
    address: str
    sealed: str
    destination: Destination | None = None
    user: User | None = None


def recipients(audience: Audience | None, users: Iterable[User]) -> list[Recipient]:
    """Every destination of the audience and of its people, each address once."""
    found: dict[tuple[str, str], Recipient] = {}
    everyone = {user.pk: user for user in (*users, *(people_of(audience) if audience else ()))}
    for recipient in (*_of_audience(audience), *_of_people(everyone)):
        found.setdefault((recipient.channel, recipient.address.lower()), recipient)
    return list(found.values())


def people_of(audience: Audience) -> list[User]:
    """Inside audiences follow the roles: whoever holds the level today belongs today."""
    return people_at(audience.level) if audience.level else []


def _of_audience(audience: Audience | None) -> Iterator[Recipient]:
    if audience is None:
        return
    for destination in audience.destinations.filter(enabled=True):
        yield Recipient(destination.channel, str(destination.address()), destination.sealed, destination=destination)


def _of_people(people: dict[int, User]) -> Iterator[Recipient]:
    """A person's own destinations; without any, the mail address of the account."""
    own: dict[int, list[Destination]] = {}
    for destination in Destination.objects.filter(user__in=people, enabled=True):
        own.setdefault(destination.user_id or 0, []).append(destination)
    for pk, user in people.items():
        for destination in own.get(pk, []):
            yield Recipient(destination.channel, str(destination.address()), destination.sealed, destination, user)
        if pk not in own and user.email:
            config = CHANNELS.parse("email", {"address": user.email})
            yield Recipient("email", user.email, Destination.seal(config), user=user)
