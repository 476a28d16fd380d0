"""The plain facts that findings look at, gathered from rows and the last simulation; nothing here asks the chain."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from governance.findings import Approved, CallFacts, Effect, Facts
from governance.proposals.building import calls_of
from governance.proposals.decoding import Names, decode, is_rejection, read_as_safe
from governance.proposals.models import OPEN, Proposal
from governance.proposals.unfolding import DEEPEST, MOST, Carried, carried
from governance.protocols.models import Allowed, Contract, Power
from governance.safes.models import Safe
from integrations.chain.abi import selector
from integrations.chain.addresses import ZERO_ADDRESS
from integrations.chain.models import Executor
from integrations.safe.contracts import MULTI_SEND_CALL_ONLY_CODE_HASHES
from integrations.safe.hashes import DELEGATECALL
from ledger import Invalid
from ledger.models import ScopeClosure
from ledger.statements import say

MOST_KEPT = 100
# Of every row that `Known` is made of: which one it is, who wrote it last (every write is another transaction's), and
# where it lies (a second write in one transaction moves it).
VERSION = "(SELECT string_agg(concat_ws(' ', r.id, r.xmin, r.ctid), ',' ORDER BY r.id) FROM"
VERSIONS = f"""
SELECT {VERSION} governance_contract r WHERE r.chain_id = %(chain)s),
  {VERSION} governance_safe r WHERE r.chain_id = %(chain)s),
  {VERSION} integrations_executor r WHERE r.chain_id = %(chain)s),
  {VERSION} governance_power r JOIN governance_contract c ON c.id = r.contract_id WHERE c.chain_id = %(chain)s),
  {VERSION} governance_allowed r WHERE r.chain_id = %(chain)s AND r.protocol_id = %(protocol)s::bigint)
"""
# How many nonces before its own somebody proposed something for; and whether somebody did for its own.
QUEUE = """
SELECT count(DISTINCT nonce) FILTER (WHERE nonce < %(own)s::numeric),
  coalesce(bool_or(nonce = %(own)s::numeric AND id IS DISTINCT FROM %(pk)s::bigint), false)
FROM governance_proposal
WHERE safe_id = %(safe)s AND status = ANY(%(open)s)
  AND nonce BETWEEN least(%(first)s::numeric, %(own)s::numeric) AND %(own)s::numeric
"""


@dataclass(frozen=True)
class Known:
    """What is known of a chain and of one protocol's allow-list; shared by all who review, so nobody changes it."""

    names: Names
    protocol_id: int | None
    chain_pk: int

    @classmethod
    def of(cls, safe: Safe) -> "Known":
        """Looked up once for all reviews, and again as soon as the version of any of these rows is another one."""
        place = (safe.chain_id, safe.protocol_id)
        versions = say(VERSIONS, {"chain": safe.chain_id, "protocol": safe.protocol_id})[0]
        then, known = _kept.get(place, ((), None))
        if known is None or then != versions:
            known = cls(Names.on(safe.chain), safe.protocol_id, safe.chain_id)
            _ = known.rows, known.powers, known.allowed, known.labels  # now, while they are what the versions are of
            if len(_kept) >= MOST_KEPT:
                _kept.clear()
            _kept[place] = (versions, known)
        return known

    @cached_property
    def rows(self) -> list[Allowed]:
        if self.protocol_id is None:
            return []
        return list(Allowed.objects.filter(protocol_id=self.protocol_id, chain_id=self.chain_pk))

    @cached_property
    def powers(self) -> set[tuple[str, bytes, str]]:
        """Contract, selector, holder; a power whose function is misspelled is none."""
        found = Power.objects.filter(contract__chain_id=self.chain_pk)
        rows = found.values_list("contract__address", "function", "holder")
        return {(address, sel, holder) for address, function, holder in rows if (sel := _selector(function))}

    @cached_property
    def allowed(self) -> set[tuple[str, bytes]]:
        return {(row.address, sel) for row in self.rows if row.function and (sel := _selector(row.function))}

    @cached_property
    def labels(self) -> dict[str, str]:
        """Every address with a name, the most telling one."""
        found = dict.fromkeys(self.names.owners, "an owner")
        found |= {row.address: row.label for row in self.rows}
        executors = Executor.objects.filter(chain_id=self.chain_pk, enabled=True).values_list("address", flat=True)
        found |= dict.fromkeys(executors, "an executor")
        found |= {address: safe.label for address, safe in self.names.safes.items()}
        return found | {address: contract.name for address, contract in self.names.contracts.items()}

    def allows(self, call: Carried) -> bool | None:
        if not self.rows:
            return None
        if call.to in self.names.safes:
            return True  # what it makes another Safe do is unfolded and judged by itself
        at = (call.to, call.data[:4])
        return at in self.allowed or (*at, call.sender) in self.powers

    def holder(self, call: Carried) -> str:
        """The timelock that this call belongs to and does not come from."""
        holders = {who for address, sel, who in self.powers if (address, sel) == (call.to, call.data[:4])}
        timelocks = [self.names.contracts.get(who) for who in sorted(holders)]
        locked = [one.name for one in timelocks if one is not None and one.role == Contract.Role.TIMELOCK]
        return locked[0] if locked and len(locked) == len(holders) and call.sender not in holders else ""


def _selector(function: str) -> bytes:
    try:
        return selector(function)
    except Invalid:
        return b""


_kept: dict[tuple[int, int | None], tuple[tuple[Any, ...], Known]] = {}


@dataclass
class Unfolding:
    """One proposal's calls with everything they carry, within a bound."""

    known: Known
    safe: str
    simulation: dict[str, Any] = field(default_factory=dict)
    left: int = MOST

    def facts(self, call: Carried, depth: int = 0) -> CallFacts:
        names, codes = self.known.names, self.simulation.get("targets", {})
        contract, own = names.contracts.get(call.to), read_as_safe(call, names)
        self.left -= 1
        inside = carried(call) if depth < DEEPEST else ([] if carried(call) == [] else None)
        if inside and len(inside) > self.left:
            inside = None
        code, pinned = codes.get(call.to), contract.code_hash if contract else ""
        return CallFacts(
            to=call.to,
            value=call.value,
            data=call.data,
            label="this Safe itself" if call.to == self.safe else self.known.labels.get(call.to, ""),
            registered=contract is not None,
            is_safe=call.to in names.safes,
            code=None if code is None else bool(code),
            code_changed=bool(pinned and code and code != pinned),
            decoded=decode(call.data, contract=contract, own=own) if call.data else None,
            sender=call.sender,
            via=f"{call.how.capitalize()} {self._name(call.through)}" if call.how else "",
            delegated=call.delegated,
            allowed=self.known.allows(call) if call.data and not own else None,
            holder=self.known.holder(call) if call.data else "",
            unfolded=inside is not None,
            inner=tuple(self.facts(one, depth + 1) for one in inside or ()),
        )

    def _name(self, address: str) -> str:
        return "this Safe" if address == self.safe else self.known.labels.get(address) or address


def top_calls(proposal: Proposal) -> list[Carried]:
    """What the Safe itself will do: its calls one by one, or the one delegatecall that cannot be read as such."""
    tx = proposal.safe_tx
    calls = calls_of(tx)
    if calls is None:
        return [Carried(tx.safe, tx.to, tx.value, tx.data, delegated=True)]
    return [Carried(tx.safe, call.to, call.value, call.data) for call in calls]


def everything_called(proposal: Proposal) -> list[Carried]:
    """Also what is inside payloads; for the questions that are asked of the chain before a review."""

    def inside(call: Carried, depth: int) -> Iterator[Carried]:
        yield call
        for one in (carried(call) or []) if depth < DEEPEST else []:
            yield from inside(one, depth + 1)

    found: list[Carried] = []
    for call in top_calls(proposal):
        for one in inside(call, 0):
            if len(found) >= MOST:
                return found
            found.append(one)
    return found


def facts_of(
    proposal: Proposal, known: Known, *, in_plan: bool | None, approved: Mapping[str, Approved] | None = None
) -> Facts:
    """`approved`: the open proposals that it approves by their hashes."""
    safe, simulation, raw = proposal.safe, proposal.simulation or {}, proposal.raw_fields
    gas = {name: raw[name] for name in ("safeTxGas", "baseGas", "gasPrice")}
    refund = {name: raw[name] for name in ("gasToken", "refundReceiver")}
    unfolding = Unfolding(known, safe.address, simulation)
    chain_nonce = max(safe.nonce, int(simulation.get("chain_nonce", 0)))
    before, beside = _queue(proposal, chain_nonce)
    return Facts(
        safe=safe.address,
        version=proposal.version,
        chain_kind=safe.chain.kind,
        owners=tuple(safe.owners),
        threshold=safe.threshold,
        chain_nonce=chain_nonce,
        nonce=proposal.nonce,
        operation=proposal.operation,
        to=proposal.to,
        readable=calls_of(proposal.safe_tx) is not None,
        calls=tuple(unfolding.facts(call) for call in top_calls(proposal)),
        same_nonce=_same_nonce(proposal) if beside else (),
        environment=proposal.plan.environment if proposal.plan else "",
        in_plan=in_plan,
        simulated=simulation.get("ok"),
        revert=simulation.get("revert", ""),
        gas_fields={name: value for name, value in gas.items() if value != "0"},
        proxy_version=safe.proxy_version,
        is_rejection=is_rejection(proposal),
        listed=bool(known.rows),
        names=known.labels,
        pinned={address: contract.code_hash for address, contract in known.names.contracts.items()},
        codes=simulation.get("targets", {}),
        born=simulation.get("born", {}),
        holders=frozenset((address, holder) for address, _, holder in known.powers),
        proposed=approved or {},
        delays=simulation.get("delays", {}),
        queued=before,
        effects=tuple(Effect(**effect) for effect in simulation.get("effects", ())),
        refund={name: value for name, value in refund.items() if value != ZERO_ADDRESS},
        batch_code=_batch_code(proposal, simulation),
    )


def _batch_code(proposal: Proposal, simulation: dict[str, Any]) -> bool | None:
    found = simulation.get("targets", {}).get(proposal.to)
    if proposal.operation != DELEGATECALL or found is None:
        return None
    return bool(found == MULTI_SEND_CALL_ONLY_CODE_HASHES.get(proposal.version))


def _queue(proposal: Proposal, first: int) -> tuple[int, bool]:
    about = {"safe": proposal.safe_id, "pk": proposal.pk, "open": list(OPEN), "first": first, "own": proposal.nonce}
    before, beside = say(QUEUE, about)[0]
    return before, beside


def _same_nonce(proposal: Proposal) -> tuple[int, ...]:
    """Other open proposals at this nonce, as far as everybody who reads this one may know of them."""
    others = Proposal.objects.filter(safe=proposal.safe, nonce=proposal.nonce, status__in=OPEN).exclude(pk=proposal.pk)
    known = known_to_readers_of(proposal, others)
    return tuple(known.order_by("pk").values_list("pk", flat=True))


def known_to_readers_of(proposal: Proposal, others: "QuerySet[Proposal]") -> "QuerySet[Proposal]":
    """Of others, those that everybody who reads this one may know of."""
    above = ScopeClosure.objects.filter(descendant_id=proposal.scope_id).values("ancestor_id")
    secret = ScopeClosure.objects.filter(descendant_id=OuterRef("scope_id"), ancestor__private=True)
    return others.filter(~Exists(secret.exclude(ancestor__in=above)))
