"""A Safe's queue by nonce: what waits for what, what excludes what, and what can never be executed any more.

A Safe executes its nonces one after the other, each once. So two proposals at one nonce are rivals, an empty nonce
holds up everything behind it, and what stands below the chain's nonce is dead. All of it is said in words here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from governance.proposals.decoding import is_rejection
from governance.proposals.models import DEAD, OPEN, Proposal
from governance.proposals.selectors import visible_proposals
from governance.safes.models import Safe

ENDINGS = {"rejected": "was withdrawn", "failed": "failed", "superseded": "was superseded"}


@dataclass(frozen=True)
class Entry:
    """An open proposal, and what its execution does to the others."""

    proposal: Proposal
    signed: int  # by present owners
    threshold: int
    rivals: tuple[int, ...]  # open at the same nonce
    frees: tuple[int, ...]  # next in the queue once this nonce is used
    is_rejection: bool

    @property
    def consequence(self) -> str:
        said = []
        if self.rivals:
            said.append(f"makes {numbers(self.rivals)} dead")
        if self.frees:
            said.append(f"lets {numbers(self.frees)} go")
        return f"Executing this {' and '.join(said)}." if said else ""


@dataclass(frozen=True)
class Ended:
    """Withdrawn, failed or expired here, at a nonce that the chain has not used: its signatures are still good."""

    proposal: Proposal
    signed: int
    threshold: int

    @property
    def armed(self) -> bool:
        return self.signed >= self.threshold

    @property
    def words(self) -> str:
        what = f"#{self.proposal.pk} {ENDINGS[self.proposal.status]}"
        why = (self.proposal.stopped or {}).get("reason", "")
        what += f" ({why})" if why else ""
        if self.armed:
            return (
                f"{what}, but {self.signed} owners signed it: whoever has their signatures can execute it on the chain "
                f"until nonce {self.proposal.nonce} is used."
            )
        return what + "."


@dataclass(frozen=True)
class Place:
    """One nonce, or a run of empty ones."""

    kind: Literal["dead", "next", "later", "gap"]
    nonce: int
    last: int
    entries: tuple[Entry, ...] = ()
    ended: tuple[Ended, ...] = ()

    @property
    def span(self) -> str:
        return str(self.nonce) if self.nonce == self.last else f"{self.nonce} to {self.last}"

    @property
    def conflict(self) -> str:
        if len(self.entries) < 2:
            return ""
        rivals = numbers(entry.proposal.pk for entry in self.entries)
        return f"Only one of {rivals} can be executed: they want the same nonce {self.nonce}."

    @property
    def emptiness(self) -> str:
        if self.kind != "gap":
            return ""
        what = "this nonce" if self.nonce == self.last else "these nonces"
        return f"Nothing that you may see is proposed at {what}."


@dataclass(frozen=True)
class Queue:
    """What a Safe has before it, as one viewer may know it."""

    safe: Safe
    places: tuple[Place, ...] = field(default=())

    @property
    def waiting(self) -> tuple[int, ...]:
        """Open proposals that cannot be executed before the Safe's present nonce is used."""
        return tuple(entry.proposal.pk for place in self.places if place.kind == "later" for entry in place.entries)

    @property
    def furthest(self) -> int:
        """The last nonce at which something is open."""
        return max((place.nonce for place in self.places if place.entries), default=self.safe.nonce)

    @property
    def first(self) -> Place | None:
        """The place at the Safe's present nonce."""
        return next((place for place in self.places if place.nonce == self.safe.nonce and place.kind != "dead"), None)

    @property
    def blocked(self) -> str:
        """Why nothing behind the present nonce moves; "" when it moves by itself, or nothing is behind it."""
        if not self.waiting or self.first is None or _moves_by_itself(self.first):
            return ""
        return (
            f"{_holdup(self.first)} {numbers(self.waiting)} cannot be executed before nonce {self.safe.nonce} is used."
        )

    def entry(self, number: int) -> Entry | None:
        return next((one for place in self.places for one in place.entries if one.proposal.pk == number), None)


def _moves_by_itself(place: Place) -> bool:
    return any(
        entry.proposal.status == "executing"
        or (entry.proposal.status == "ready" and entry.proposal.auto_execute and not entry.proposal.stopped)
        for entry in place.entries
    )


def _holdup(place: Place) -> str:
    """What stands at the present nonce, and what it lacks."""
    if not place.entries:
        before = " ".join(one.words for one in place.ended)
        return f"Nothing is proposed at nonce {place.nonce}, where this Safe is. {before}".strip()
    return " ".join(_lack(entry) for entry in place.entries)


def _lack(entry: Entry) -> str:
    proposal = entry.proposal
    name = f"#{proposal.pk}, at nonce {proposal.nonce},"
    if proposal.status == "unknown":
        return f"{name} may or may not have been executed: a person must decide about its transaction."
    if proposal.stopped and proposal.status == "ready":
        return f"{name} is signed but stopped: {proposal.stopped['reason']}."
    if proposal.status == "ready":
        return f"{name} is signed and waits for somebody to execute it."
    return f"{name} has {entry.signed} of {entry.threshold} signatures."


def numbers(found: Iterable[int]) -> str:
    """`#12`, `#12 and #13`, `#12, #13 and #14`."""
    said = [f"#{number}" for number in found]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}" if said else ""


def queue_of(safe: Safe, viewer: Any) -> Queue:
    """Read in three queries, however long it is."""
    rows = visible_proposals(viewer).filter(safe=safe).prefetch_related("confirmations").order_by("nonce", "pk")
    mine = list(rows.filter(status__in=OPEN)) + list(rows.filter(status__in=DEAD, nonce__gte=safe.nonce))
    return arrange(safe, sorted(mine, key=lambda one: (one.nonce, one.pk)))


def arrange(safe: Safe, rows: Sequence[Proposal]) -> Queue:
    """The rows, in the order of their nonces, as places with the gaps between them."""
    by_nonce = {nonce: list(group) for nonce, group in groupby(rows, key=lambda one: one.nonce)}
    living = [nonce for nonce, group in by_nonce.items() if any(one.status in OPEN for one in group)]
    places: list[Place] = []
    expected = safe.nonce
    for nonce in living:
        if nonce > expected:
            places.extend(_gaps(safe, by_nonce, expected, nonce - 1))
        places.append(_place(safe, by_nonce, nonce, _after(living, nonce)))
        expected = max(expected, nonce + 1)
    for nonce, group in by_nonce.items():  # ended ones behind everything that is open: only what can still happen
        if nonce >= expected and any(_ended(safe, one).armed for one in group):
            places.append(Place("gap", nonce, nonce, ended=_all_ended(safe, group)))
    return Queue(safe, tuple(places))


def _after(living: list[int], nonce: int) -> int | None:
    return nonce + 1 if nonce + 1 in living else None


def _gaps(safe: Safe, by_nonce: dict[int, list[Proposal]], first: int, last: int) -> list[Place]:
    """Empty nonces; one where something ended stands by itself, since it says why it is empty."""
    marks = [nonce for nonce in by_nonce if first <= nonce <= last]
    places, start = [], first
    for nonce in marks:
        if nonce > start:
            places.append(Place("gap", start, nonce - 1))
        places.append(Place("gap", nonce, nonce, ended=_all_ended(safe, by_nonce[nonce])))
        start = nonce + 1
    return [*places, Place("gap", start, last)] if start <= last else places


def _place(safe: Safe, by_nonce: dict[int, list[Proposal]], nonce: int, following: int | None) -> Place:
    group = by_nonce[nonce]
    opened = [one for one in group if one.status in OPEN]
    behind = by_nonce[following] if following is not None else []
    frees = tuple(one.pk for one in behind if one.status in OPEN)
    entries = tuple(
        Entry(
            proposal=one,
            signed=one.counted,
            threshold=safe.threshold,
            rivals=tuple(other.pk for other in opened if other.pk != one.pk),
            frees=frees if nonce >= safe.nonce else (),
            is_rejection=is_rejection(one),
        )
        for one in opened
    )
    kind: Literal["dead", "next", "later"] = "later"
    if nonce <= safe.nonce:
        kind = "dead" if nonce < safe.nonce else "next"
    return Place(kind, nonce, nonce, entries, _all_ended(safe, group))


def _all_ended(safe: Safe, group: Iterable[Proposal]) -> tuple[Ended, ...]:
    return tuple(_ended(safe, one) for one in group if one.status in DEAD)


def _ended(safe: Safe, proposal: Proposal) -> Ended:
    return Ended(proposal, proposal.counted, safe.threshold)
