"""Verbs on secrets: set one, take one away, open one at the moment that it is used."""

import re
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from integrations.sealing import seal, unseal
from integrations.secrets.hosts import read_hosts, why_not
from integrations.secrets.models import Secret
from integrations.secrets.scrubbing import SHORTEST, remember
from ledger.errors import Invalid, Refused
from ledger.services import record

NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
LONGEST = 4_000


class NoSecret(Refused):
    """Nothing is set under this name."""


class NotThere(Refused):
    """The secret may not be sent to this host."""


@transaction.atomic
def set_secret(
    *, name: str, value: str, actor: str, note: str | None = None, hosts: Iterable[str] | None = None
) -> Secret:
    """A new secret, or a new value for one that is there. The event says that, by whom and when; never what.

    Other hosts take the value anew: nobody leads a secret elsewhere that they do not know. None keeps those there are.
    """
    if not NAME.fullmatch(name):
        raise Invalid("name", "This is not a name for a secret.", "lower-case letters, digits and _, such as pager_key")
    if not SHORTEST <= len(value) <= LONGEST:
        hint = f"{SHORTEST} to {LONGEST:,} characters: a shorter one could not be kept out of logs"
        raise Invalid("value", "The secret is too short or too long.", hint)
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise Invalid("value", "A secret is one line without control characters.", "the key alone, no line break")
    if note is not None and len(note) > 200:
        raise Invalid("note", "The note is too long.", "at most 200 characters")
    allowed = None if hosts is None else read_hosts(hosts)
    secret = Secret.objects.select_for_update().filter(name=name).first() or Secret(name=name, number=0)
    known = secret.pk is not None
    secret.sealed, secret.number = seal(value, secret.purpose), secret.number + 1
    secret.set_by, secret.set_at, secret.used_at = actor, timezone.now(), None
    secret.note = secret.note if note is None else note.strip()
    secret.hosts = secret.hosts if allowed is None else allowed
    secret.save()
    told = {"name": name, "number": secret.number, "note": secret.note, "hosts": secret.hosts}
    record("secret.set", actor=actor, subject=secret.subject, after={**told, "new": not known})
    return secret


@transaction.atomic
def remove_secret(*, name: str, actor: str) -> None:
    """Steps that name it will say that it is not there."""
    secret = Secret.objects.select_for_update().filter(name=name).first()
    if secret is None:
        raise NoSecret(f"There is no secret called {name}.", "one of those that are listed", "no-secret")
    record("secret.removed", actor=actor, subject=secret.subject, after={"name": name, "number": secret.number})
    secret.delete()


def open_secret(name: str, *, to: str) -> str:
    """The value, for one request to the address `to`. From here on this process keeps it out of all it says."""
    secret = Secret.objects.filter(name=name).first()
    if secret is None:
        raise NoSecret(f"there is no secret called {name}", "an admin sets it under Secrets", "no-secret")
    if refused := why_not(name, secret.hosts, to):
        raise NotThere(refused, "an admin names the hosts of a secret under Secrets", "secret-not-there")
    value = unseal(secret.sealed, secret.purpose)
    remember(value)
    Secret.objects.filter(pk=secret.pk).update(used_at=timezone.now())
    return value
