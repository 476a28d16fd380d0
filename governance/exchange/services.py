"""Verbs on the exchange: which service a chain has, and what of a Safe it may be given."""

from django.db import transaction
from django.utils import timezone

from governance.exchange.exchanging import ensure, hurry
from governance.exchange.models import Exchange, SafeService, Sharing
from governance.safes.models import Safe
from integrations.chain.models import Chain
from integrations.outgoing import OutgoingError
from integrations.safe.service import origin_of
from integrations.secrets.scrubbing import SHORTEST
from ledger import Invalid, record

LONGEST_URL, LONGEST_KEY = 500, 2_000
BASE = "the address before /api, such as https://api.safe.global/tx-service/eth"


@transaction.atomic
def set_service(*, chain: Chain, url: str, actor: str, key: str | None = None, enabled: bool = True) -> SafeService:
    """A chain's service, or another address or key for it. No `key` keeps the one that is there, "" takes it away.

    Another host takes the key anew: nobody leads a key elsewhere that they do not know.
    """
    url = _base(url)
    found = SafeService.objects.select_for_update().filter(chain=chain).first()
    if key is None and found is not None and found.key and origin_of(found.url) != origin_of(url):
        raise Invalid("key", "The key that is set was given for another host.", "the key for this one")
    if key:
        _check_key(key)
    before = None if found is None else {"url": found.url, "enabled": found.enabled, "key": bool(found.key)}
    service = found or SafeService(chain=chain)
    service.url, service.enabled, service.paused_until = url, enabled, None
    service.key = service.key if key is None else key
    service.set_by, service.set_at = actor, timezone.now()
    service.save()
    after = {"chain": chain.name, "url": url, "enabled": enabled, "key": bool(service.key), "new_key": key is not None}
    record("service.set", actor=actor, subject=service.subject, before=before, after=after)
    Exchange.objects.filter(safe__chain=chain).update(tried_at=None)  # what failed may go well now
    for safe in Safe.objects.filter(chain=chain) if enabled else ():
        ensure(safe)
        hurry(safe)
    return service


def _base(url: str) -> str:
    url = url.strip().rstrip("/")
    if len(url) > LONGEST_URL or "?" in url or "#" in url or "/api/" in f"{url}/":
        raise Invalid("url", "This is not the address of a service.", BASE)
    try:
        origin_of(url)
    except OutgoingError as error:
        raise Invalid("url", f"It cannot be called: {error.message}.", BASE) from None
    return url


def _check_key(key: str) -> None:
    if not SHORTEST <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        hint = f"{SHORTEST} to {LONGEST_KEY:,} characters without spaces, without “Bearer”"
        raise Invalid("key", "This is not an API key.", hint)


@transaction.atomic
def remove_service(*, service: SafeService, actor: str) -> None:
    """What was taken in stays; nothing more goes either way."""
    before = {"chain": service.chain.name, "url": service.url}
    record("service.removed", actor=actor, subject=service.subject, before=before)
    service.delete()


@transaction.atomic
def set_sharing(*, safe: Safe, sharing: str, actor: str) -> Exchange:
    """What the service has, everybody can read, for good: what was given is not taken back."""
    if sharing not in Sharing.values:
        raise Invalid("sharing", "There is no such choice.", ", ".join(Sharing.values))
    Exchange.objects.get_or_create(safe=safe)
    exchange = Exchange.objects.select_for_update().get(safe=safe)
    if exchange.sharing != sharing:
        before = {"sharing": exchange.sharing}
        exchange.sharing = sharing
        exchange.save(update_fields=["sharing"])
        record("service.sharing.changed", actor=actor, subject=safe.subject, before=before, after={"sharing": sharing})
        hurry(safe)
    return exchange
