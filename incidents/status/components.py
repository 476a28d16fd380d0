"""The parts of the page and the state each is in: from the open incidents, or from what a commander said since."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch

from governance.protocols.models import Contract, Protocol
from incidents.incidents.models import OVER, Incident
from incidents.status.announced import public_incidents
from incidents.status.models import Component

SHOWN_ROLES = frozenset(("vault", "proxy", "router", "oracle", "token"))


@dataclass(frozen=True, slots=True)
class State:
    """How a part can be; the graver one wins."""

    slug: str
    label: str
    words: str
    gravity: int
    tone: str
    sign: str


STATES = {
    state.slug: state
    for state in (
        State("operational", "operational", "Everything works as it should.", 0, "good", "✓"),
        State("restored", "restored", "Service is restored; we are still watching.", 1, "good", "✓"),
        State("maintenance", "maintenance", "Work is under way, as announced.", 2, "wait", "‖"),
        State("contained", "contained", "The problem is contained. Some functions may be paused.", 3, "wait", "‖"),
        State("paused", "paused", "Paused on purpose, to keep funds safe.", 4, "wait", "‖"),
        State("investigating", "looked at", "We have seen something unusual and are looking at it.", 5, "warn", "▲"),
        State("disturbed", "disturbed", "Something is wrong and we are working on it.", 6, "bad", "▲"),
        State("down", "down", "Does not work at present.", 7, "bad", "✕"),
    )
}
OF_INCIDENT = {"triage": "investigating", "active": "disturbed", "contained": "contained", "restored": "restored"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part as the public sees it. `stated_by` is for the desk alone."""

    key: str
    name: str
    state: State
    words: str
    since: datetime | None = None
    role: str = ""
    address: str = ""
    chain: str = ""
    chain_id: int = 0
    shown: bool = True
    stated_by: str = ""
    follows: str = ""  # what it would be without a commander's word
    said: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A protocol and its contracts."""

    whole: Part
    parts: tuple[Part, ...]

    @property
    def state(self) -> State:
        """Of the worst that is shown of it."""
        return worst([self.whole, *(part for part in self.parts if part.shown)])


def groups(*, everything: bool = False) -> list[Group]:
    """Every protocol with its parts; `everything` with those that are not shown, for the desk."""
    burning: dict[int | None, list[Incident]] = {}
    for incident in public_incidents().exclude(status__in=OVER):
        burning.setdefault(incident.protocol_id, []).append(incident)
    contracts = Contract.objects.select_related("chain", "status_component").defer("abi").order_by("role", "name")
    found = Protocol.objects.select_related("status_component").prefetch_related(Prefetch("contracts", contracts))
    made = [_group(protocol, burning.get(protocol.pk, [])) for protocol in found]
    if everything:
        return made
    return [Group(one.whole, tuple(part for part in one.parts if part.shown)) for one in made if one.whole.shown]


def _group(protocol: Protocol, incidents: list[Incident]) -> Group:
    said = getattr(protocol, "status_component", None)
    whole = _part(f"protocol:{protocol.pk}", protocol.name, said, incidents)
    parts = (
        _part(
            f"contract:{contract.pk}",
            contract.name,
            getattr(contract, "status_component", None) or said,
            incidents,
            own=getattr(contract, "status_component", None),
            contract=contract,
        )
        for contract in protocol.contracts.all()
    )
    return Group(whole, tuple(parts))


def _part(
    key: str,
    name: str,
    said: Component | None,
    incidents: list[Incident],
    own: Component | None = None,
    contract: Contract | None = None,
) -> Part:
    """A commander's word stands until an incident that began after it makes things worse than it says."""
    own = own if contract else said
    follows, since = _derived(incidents)
    state, words = follows, follows.words
    stated = said if said and said.state else None
    if stated and stated.stated_at:
        newer, newer_since = _derived([one for one in incidents if one.opened_at > stated.stated_at])
        word = STATES[stated.state]
        state, words, since = word, stated.words or word.words, stated.stated_at
        if newer.gravity > word.gravity:
            state, words, since, stated = newer, newer.words, newer_since, None
    if state.gravity == 0:
        since = None
    default = contract is None or contract.role in SHOWN_ROLES
    return Part(
        key=key,
        name=name,
        state=state,
        words=words,
        since=since,
        role=contract.role if contract else "",
        address=contract.address if contract else "",
        chain=contract.chain.name if contract else "",
        chain_id=contract.chain.chain_id if contract else 0,
        shown=own.shown if own and own.shown is not None else default,
        stated_by=stated.stated_by if stated else "",
        follows=follows.slug,
        said=own.state if own else "",
    )


def _derived(incidents: list[Incident]) -> tuple[State, datetime | None]:
    if not incidents:
        return STATES["operational"], None
    gravest = max((STATES[OF_INCIDENT[one.status]] for one in incidents), key=lambda state: state.gravity)
    return gravest, min(one.first_bad_at or one.opened_at for one in incidents)


def worst(parts: Iterable[Part]) -> State:
    return max((part.state for part in parts), key=lambda state: state.gravity, default=STATES["operational"])
