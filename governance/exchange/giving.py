"""What is signed here, given to a service: the transaction with a first signature, then each further one.

What its list has is not given again; neither is, for a while, what it was given already and does not show.
"""

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from governance.exchange.models import Exchange, Given, Sharing
from governance.proposals.counting import COLLECTING
from governance.proposals.integrity import check_row
from governance.proposals.models import Confirmation, Proposal
from governance.safes.models import Safe
from integrations.chain.hashing import keccak
from integrations.safe.service import Service, ServiceRefusal
from integrations.safe.service_answers import Listing
from integrations.safe.signatures import parse
from ledger import Invalid, Refused
from ledger.scopes import members_of_private

AGAIN = timedelta(hours=1)
MOST_AT_ONCE = 30


def give(service: Service, exchange: Exchange, safe: Safe, listing: Listing) -> int:
    """How many signatures it took. Network: not inside a transaction."""
    count = 0
    for proposal in offered(exchange, safe):
        entry = listing.entries.get(proposal.safe_tx_hash)
        shown = set() if entry is None else _owners_of(proposal, entry.signatures)
        known = entry is not None
        for row in _signatures(proposal, safe):
            if row.owner in shown or _given(proposal, row):
                continue
            if count >= MOST_AT_ONCE:
                return count
            taken = _give_one(service, proposal, row, known=known)
            if not taken and not known:
                break  # without the transaction it takes no further signatures
            known, count = True, count + taken
    return count


def offered(exchange: Exchange, safe: Safe) -> "QuerySet[Proposal] | list[Proposal]":
    """Open proposals that may be shown to everybody: what the service has, the whole world can read."""
    if exchange.sharing == Sharing.NONE:
        return []
    rows = Proposal.objects.filter(safe=safe, status__in=COLLECTING, nonce__gte=safe.nonce)
    found = rows.select_related("safe__chain", "scope", "plan").order_by("nonce", "pk")
    if exchange.sharing == Sharing.ALL:
        return found
    return [one for one in found if members_of_private(one.scope) is None]


def _signatures(proposal: Proposal, safe: Safe) -> list[Confirmation]:
    """Those that count, an account's first: every service takes that one with a new transaction."""
    try:
        check_row(proposal)
    except Refused:
        return []  # somebody altered the row: it says so on its page
    rows = list(proposal.confirmations.filter(lapsed="", owner__in=safe.owners))
    if proposal.status == "signing" and len(rows) >= safe.threshold:
        return []  # something blocks it, or nobody has looked yet: enough of them would execute it
    return sorted(rows, key=lambda row: (row.kind not in ("eip712", "eth_sign"), row.pk))


def _owners_of(proposal: Proposal, signatures: tuple[bytes, ...]) -> set[str]:
    """Whose signatures its list shows, as far as they are."""
    found = set()
    for raw in signatures:
        try:
            found.add(parse(raw, proposal.safe_tx_hash, proposal.safe.owners).owner)
        except Invalid:
            continue
    return found


def _digest(row: Confirmation) -> str:
    return "0x" + keccak(bytes(row.signature)).hex()


def _given(proposal: Proposal, row: Confirmation) -> bool:
    since = timezone.now() - AGAIN
    return Given.objects.filter(proposal=proposal, owner=row.owner, digest=_digest(row), at__gt=since).exists()


def _give_one(service: Service, proposal: Proposal, row: Confirmation, *, known: bool) -> bool:
    signature, refusal = "0x" + bytes(row.signature).hex(), ""
    try:
        if known:
            service.confirm(proposal.safe_tx, signature)
        else:
            service.propose(proposal.safe_tx, row.owner, signature)
    except ServiceRefusal as error:
        refusal = error.words
    values = {"digest": _digest(row), "refusal": refusal, "at": timezone.now()}
    Given.objects.update_or_create(proposal=proposal, owner=row.owner, defaults=values)
    return not refusal
