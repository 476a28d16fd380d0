"""What a service has, taken in: through the same doors as everything else, and only what owners have really signed.

Its word counts for nothing. The hash comes from the raw fields, a signature says by itself whose it is, and the chain
says who is an owner now. An entry without a present owner's signature is only counted: otherwise whoever runs the
service could fill a desk with proposals and call its signers at night.
"""

from dataclasses import dataclass

from governance.exchange.oddities import ACTOR, MOST_AT_ONCE, mark_of, note, rested
from governance.proposals import nesting
from governance.proposals.counting import COLLECTING, why_closed
from governance.proposals.models import Confirmation, NestedConfirmation, Proposal, Via
from governance.proposals.proving import proved_on_chain
from governance.proposals.services import adopt, confirm
from governance.safes.models import Safe
from integrations.safe.hashes import SafeTx
from integrations.safe.service_answers import Entry, Listing
from integrations.safe.signatures import Signature, parse
from ledger import Invalid, Refused
from ledger.scopes import members_of_private

MOST_TRIES = 25
PASSING = ("chain-unavailable", "endpoints-disagree")
"""Refusals that say something about our endpoints and nothing about the service."""


@dataclass
class Taken:
    proposals: int = 0
    signatures: int = 0
    unsigned: int = 0
    tries: int = 0  # what asks the chain is bounded a turn; the rest comes with the next one

    @property
    def tired(self) -> bool:
        return self.tries >= MOST_TRIES


def take(safe: Safe, listing: Listing, place: str) -> Taken:
    """Network: not inside a transaction. `safe` is as the chain has it now."""
    for odd in listing.odd[:MOST_AT_ONCE]:
        note(safe, odd.kind, mark_of(odd.kind, odd.mark), odd.words)
    taken = Taken()
    here = list(Proposal.objects.filter(safe=safe, safe_tx_hash__in=list(listing.entries)))
    here.sort(key=lambda one: (one.status in COLLECTING, one.pk))  # withdrawn and made again: the open one counts
    known = {one.safe_tx_hash: one for one in here}
    for digest, entry in sorted(listing.entries.items(), key=lambda item: item[1].tx.nonce):
        if taken.tired:
            break
        proposal = known.get(digest)
        if proposal is None:
            proposal = _adopt(safe, entry, place, taken)
        if proposal is not None and why_closed(proposal) is None:
            _take_signatures(safe, proposal, entry, taken)
    return taken


def _adopt(safe: Safe, entry: Entry, place: str, taken: Taken) -> Proposal | None:
    """A proposal of it, if a present owner signed it. One that was here, however it ended, is not made again."""
    mark = mark_of("proposal", entry.tx.hash)
    if rested(safe, mark):
        return None
    if not _wanted(safe, entry, taken):
        taken.unsigned += 1
        return None
    try:
        proposal = adopt(
            safe=safe,
            tx=entry.tx,
            title=f"Nonce {entry.tx.nonce}, proposed elsewhere",
            description=f"It was made outside, and came here from {place} with an owner's signature. "
            "Only its raw fields were taken over; what it does is worked out here.",
            actor=ACTOR,
        )
    except (Invalid, Refused) as error:
        note(safe, "proposal", mark, f"nonce {entry.tx.nonce}: {error.message}")
        return None
    taken.proposals += 1
    return proposal


def _wanted(safe: Safe, entry: Entry, taken: Taken) -> bool:
    """Whether one of its signatures is a present owner's, or one of an owning Safe's owners'."""
    return any(_genuine(safe, entry.tx, raw, taken) for raw in entry.signatures)


def _genuine(safe: Safe, tx: SafeTx, raw: bytes, taken: Taken) -> bool:
    parsed = _owners(safe, tx, raw)
    if parsed is None:
        return any(_owners(child, tx, raw, nesting.message_hash(tx, child)) for child in nesting.children(safe))
    if not parsed.needs_chain:
        return True
    mark = mark_of("claim", tx.hash, raw.hex())
    if taken.tired or rested(safe, mark):
        return False
    taken.tries += 1
    if proved_on_chain(parsed, safe, tx):
        return True
    note(safe, "signature", mark, f"nonce {tx.nonce}: the chain does not confirm it for {parsed.owner}.")
    return False


def _owners(safe: Safe, tx: SafeTx, raw: bytes, digest: str = "") -> Signature | None:
    """Without the chain: a signature that recovers to a present owner, or claims to be one's."""
    try:
        return parse(raw, digest or tx.hash, safe.owners)
    except Invalid:
        return None


def _take_signatures(safe: Safe, proposal: Proposal, entry: Entry, taken: Taken) -> None:
    here = set(Confirmation.objects.filter(proposal=proposal, lapsed="").values_list("owner", flat=True))
    within = {
        bytes(one) for one in NestedConfirmation.objects.filter(proposal=proposal).values_list("signature", flat=True)
    }
    for raw in entry.signatures:
        parsed = _owners(safe, entry.tx, raw)
        if (parsed is not None and parsed.owner in here) or raw in within:
            continue
        mark = mark_of("signature", proposal.safe_tx_hash, raw.hex())
        if taken.tired or rested(safe, mark):
            continue
        taken.tries += 1
        try:
            confirm(proposal=proposal, signature=raw, actor=ACTOR, via=Via.SERVICE)
        except (Invalid, Refused) as error:
            if isinstance(error, Refused) and error.code in PASSING:
                raise
            proposal.refresh_from_db()
            if why_closed(proposal):
                return
            # Everybody reads these words; why a private matter's signature is refused is not everybody's business.
            words = error.message if members_of_private(proposal.scope) is None else "it does not count here."
            note(safe, "signature", mark, f"nonce {entry.tx.nonce}: {words}")
            continue
        taken.signatures += 1
