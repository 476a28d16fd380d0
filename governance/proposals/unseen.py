"""What a proposal approves by its hash alone: another one here, whose own findings count for it as well."""

from collections.abc import Collection

from governance.proposals.decoding import Names
from governance.proposals.facts import everything_called, known_to_readers_of
from governance.proposals.models import OPEN, Proposal
from integrations.chain.known_calls import read_known
from integrations.safe.nested import APPROVE_HASH, message_hash_for_owner

APPROVES = ("approveHash(bytes32 hash)",)
MOST, MOST_OPEN = 20, 500


def approved_by(proposal: Proposal, names: Names) -> dict[str, Proposal]:
    """By hash: open proposals of other Safes on this chain, or what a Safe that one is owned by is asked to sign."""
    if APPROVE_HASH not in bytes(proposal.data):
        return {}
    asked: dict[str, str] = {}
    for call in everything_called(proposal):
        if found := read_known(APPROVES, call.data):
            asked["0x" + bytes(found[1]["hash"]).hex()] = call.to
    open_ones = Proposal.objects.filter(safe__chain=proposal.safe.chain, status__in=OPEN).exclude(safe=proposal.safe)
    open_ones = open_ones.select_related("safe__chain", "scope", "plan")
    found_here = {one.safe_tx_hash: one for one in open_ones.filter(safe_tx_hash__in=list(asked)[:MOST])}
    for child in filter(None, map(names.safes.get, {to for digest, to in asked.items() if digest not in found_here})):
        for one in open_ones.filter(safe__owners__contains=[child.address])[:MOST_OPEN]:
            digest = message_hash_for_owner(one.safe_tx, child)
            if digest in asked and len(found_here) < MOST:
                found_here[digest] = one
    return found_here


def secret_from_readers_of(proposal: Proposal, others: Collection[Proposal]) -> set[int]:
    """Of others, those that not everybody who reads this one may know of."""
    rows = Proposal.objects.filter(pk__in=[one.pk for one in others])
    return {one.pk for one in others} - set(known_to_readers_of(proposal, rows).values_list("pk", flat=True))
