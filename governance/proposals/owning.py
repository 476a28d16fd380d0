"""Owners that are Safes, as pages show them: what their owners sign, who has, and what to do where they cannot."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import User
from governance.proposals.approving import approval_of
from governance.proposals.models import Confirmation, NestedConfirmation, Proposal
from governance.proposals.nesting import NestedHashes, children, hashes, why_not
from governance.proposals.seeing import seen_by
from governance.proposals.selectors import Signer, people_of
from governance.safes.models import Safe


@dataclass(frozen=True)
class Deeper:
    """An owner of an owning Safe that is a Safe again: it approves on the chain, in a proposal of its own."""

    safe: Safe
    given: bool
    approval: Proposal | None
    people: frozenset[int]  # behind its owners


@dataclass(frozen=True)
class Owning:
    """One owner that is a Safe."""

    safe: Safe
    hashes: NestedHashes
    why_not: str
    signers: list[Signer]
    given: bool
    approval: Proposal | None
    deeper: list[Deeper]

    @property
    def to_sign(self) -> list[Signer]:
        """Those whose signatures it still needs here."""
        if self.given or self.why_not or self.refused:
            return []
        safes = {one.safe.address for one in self.deeper}
        return [one for one in self.signers if not one.signed_at and not one.removed and one.address not in safes]

    @property
    def signed(self) -> int:
        return sum(1 for signer in self.signers if signer.counts)

    @property
    def refused(self) -> bool:
        """Its owners have signed, and still the chain does not take their signatures together for its own."""
        return not self.given and self.signed >= self.safe.threshold

    @property
    def data_id(self) -> str:
        return f"within-data-{self.safe.pk}"

    @property
    def for_browser(self) -> dict[str, Any]:
        """What the page's script signs with: it computes the message itself, from the proposal's fields."""
        open_ones = [signer.address for signer in self.signers if signer.signed_at]
        version, owners = self.safe.version, list(self.safe.owners)
        return {"safe": self.safe.address, "version": version, "owners": owners, "signed": open_ones}


def owning_safes(proposal: Proposal) -> list[Owning]:
    """In the order of the proposal's Safe."""
    found = children(proposal.safe)
    if not found:
        return []
    below = {child.address: children(child) for child in found}
    safes = [*found, *(deeper for ones in below.values() for deeper in ones)]
    people = people_of(sorted({owner for safe in safes for owner in safe.owners}))
    given = set(Confirmation.objects.filter(proposal=proposal, lapsed="").values_list("owner", flat=True))
    rows = list(NestedConfirmation.objects.filter(proposal=proposal))
    seen = seen_by(proposal)
    return [_owning(proposal, child, below[child.address], people, given, rows, seen) for child in found]


def _owning(
    proposal: Proposal,
    child: Safe,
    below: list[Safe],
    people: dict[str, User],
    given: set[str],
    rows: list[NestedConfirmation],
    seen: dict[int, datetime],
) -> Owning:
    mine = {row.owner: row for row in rows if row.within == child.address}
    gone = [owner for owner in mine if owner not in child.owners]
    names = {safe.address: safe.label for safe in below}
    tx = proposal.safe_tx
    why = why_not(tx, child)
    done = child.address in given
    return Owning(
        safe=child,
        hashes=hashes(tx, child),
        why_not=why,
        signers=[
            Signer(
                address=owner,
                name=person.display_name if (person := people.get(owner)) else names.get(owner, ""),
                user_id=person.pk if person else None,
                signed_at=mine[owner].created_at if owner in mine else None,
                kind=mine[owner].kind if owner in mine else "",
                removed=owner in gone,
                seen_at=seen.get(person.pk) if person else None,
            )
            for owner in [*child.owners, *gone]
        ],
        given=done,
        approval=None if done else approval_of(proposal, child),
        deeper=[] if why else [_deeper(proposal, child, one, one.address in mine or done, people) for one in below],
    )


def _deeper(proposal: Proposal, child: Safe, safe: Safe, given: bool, people: dict[str, User]) -> Deeper:
    approval = None if given else approval_of(proposal, safe, child)
    return Deeper(safe, given, approval, frozenset(people[one].pk for one in safe.owners if one in people))
