"""Verbs for setting up chains and their endpoints. Nothing here asks the network; see `probing`."""

from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import transaction

from integrations.chain.environments import check_chain
from integrations.chain.models import GWEI, Chain, Endpoint, mark_of
from integrations.chain.transactions.models import Transaction
from ledger.errors import Invalid, Refused
from ledger.services import record


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """What may be set of a chain; None leaves it as it is, or at its default."""

    name: str | None = None
    short_name: str | None = None
    currency: str | None = None
    confirmations: int | None = None
    finality_depth: int | None = None
    block_time: float | None = None
    stuck_after: int | None = None
    stuck_blocks: int | None = None
    max_fee_per_gas: int | None = None
    bump_permille: int | None = None
    private_blocks: int | None = None
    prefers_private: bool | None = None
    low_balance: int | None = None
    explorer_url: str | None = None

    def given(self) -> dict[str, object]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@transaction.atomic
def add_chain(*, chain_id: int, kind: str, settings: ChainSettings, actor: str) -> Chain:
    """A chain to read and to send to; it needs endpoints next."""
    check_chain(chain_id, kind)
    if Chain.objects.filter(chain_id=chain_id).exists():
        raise Invalid("chain_id", "This chain is set up already.", "`chain set` changes it")
    chain = Chain(chain_id=chain_id, kind=kind, **settings.given())
    _clean(chain)
    chain.save()
    told = {"chain_id": chain_id, "kind": kind, "name": chain.name}
    record("chain.added", actor=actor, subject=chain.subject, after=told)
    return chain


@transaction.atomic
def change_chain(*, chain: Chain, settings: ChainSettings, actor: str) -> Chain:
    row = Chain.objects.select_for_update().get(pk=chain.pk)
    given = {name: value for name, value in settings.given().items() if getattr(row, name) != value}
    before = {name: getattr(row, name) for name in given}
    for name, value in given.items():
        setattr(row, name, value)
    _clean(row)
    if given:
        row.save(update_fields=list(given))
        record("chain.changed", actor=actor, subject=row.subject, before=_told(before), after=_told(given))
    return row


def _told(values: dict[str, object]) -> dict[str, object]:
    return {name: str(value) if isinstance(value, int | float) else value for name, value in values.items()}


def _clean(chain: Chain) -> None:
    """A model's own rules as one error that names the field."""
    if chain.max_fee_per_gas < GWEI // 10**6:
        raise Invalid("max_fee_per_gas", "Nothing could ever be sent at this price.", "in gwei, such as 300")
    try:
        chain.full_clean(exclude=["base_fee", "tip"])  # as seen, not as set
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        name = "" if field == "__all__" else field
        raise Invalid(name or _rule(str(messages[0])), str(messages[0]), "") from error


def _rule(message: str) -> str:
    """The field that a constraint of the table is about."""
    rules = {"finality": "finality_depth", "confirmations": "confirmations", "block_time": "block_time"}
    rules |= {"bump": "bump_permille", "private_blocks": "private_blocks"}
    return next((field for part, field in rules.items() if part in message), "chain")


@transaction.atomic
def add_endpoint(
    *, chain: Chain, url: str, label: str, actor: str, private: bool = False, priority: int = 10, timeout: float = 10
) -> Endpoint:
    """Where a chain is asked, or (`private`) where transactions go before anybody else sees them."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(character.isspace() for character in url):
        raise Invalid("url", "This is not the address of an endpoint.", "an http or https URL")
    if not label or len(label) > 100 or label in url:
        raise Invalid("label", "An endpoint needs a name that may be shown.", "such as the provider's name")
    if not 0 < timeout <= 60:
        raise Invalid("timeout", "This is not a time to wait.", "up to 60 seconds")
    if not 0 <= priority <= 1000:
        raise Invalid("priority", "This is no place in a row.", "0 (first) to 1000")
    if chain.endpoints.filter(mark=mark_of(url)).exists():
        raise Invalid("url", "This chain has this endpoint already.", "another one")
    if chain.endpoints.filter(label=label).exists():
        raise Invalid("label", "An endpoint of this chain is called that already.", "another name")
    endpoint = Endpoint.objects.create(
        chain=chain, url=url, label=label, private_submission=private, priority=priority, timeout=timeout
    )
    told = {"endpoint": label, "private": private, "priority": priority}
    record("endpoint.added", actor=actor, subject=chain.subject, after=told)
    return endpoint


@transaction.atomic
def remove_endpoint(*, chain: Chain, label: str, actor: str) -> None:
    """Refused for the last one that is read while something is on its way: nobody could follow it."""
    endpoint = Endpoint.objects.select_for_update(of=("self",)).filter(chain=chain, label=label).first()
    if endpoint is None:
        known = ", ".join(chain.endpoints.values_list("label", flat=True)) or "none"
        raise Invalid("label", f"{chain.name} has no endpoint of this name.", f"one of: {known}")
    others = chain.endpoints.filter(private_submission=False, enabled=True).exclude(pk=endpoint.pk)
    flying = Transaction.objects.filter(chain=chain, status__in=Transaction.IN_FLIGHT)
    if not endpoint.private_submission and not others.exists() and flying.exists():
        raise Refused("Transactions are on their way, and this is the last endpoint to follow them by.")
    endpoint.delete()
    told = {"endpoint": label, "private": endpoint.private_submission}
    record("endpoint.removed", actor=actor, subject=chain.subject, after=told)
