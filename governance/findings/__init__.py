"""Findings: the family's base, and the plain facts that a finding looks at (no I/O, so a fixture can state them)."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from integrations.chain.abi import DecodedCall
from integrations.chain.addresses import ZERO_ADDRESS
from integrations.families import Family, Member

Grade = Literal["blocking", "warning", "note"]
GRADES: tuple[Grade, ...] = ("blocking", "warning", "note")


@dataclass(frozen=True)
class CallFacts:
    """One call, as it will reach its target."""

    to: str
    value: int = 0
    data: bytes = b""
    label: str = ""  # of the registered contract, Safe or owner at this address; "" for a stranger
    registered: bool = False  # a contract of a protocol, with a pinned ABI
    is_safe: bool = False  # a Safe that is registered here
    code: bool | None = None  # whether code stands there; None while the chain has not been asked
    code_changed: bool = False  # other code than when it was registered
    decoded: DecodedCall | None = None
    sender: str = (
        ""  # who calls: the Safe, or the timelock, Safe or batch that its payload passes through; "": the Safe
    )
    via: str = ""  # how it comes to be called, where it is a payload: "scheduled in HelixTimelock"
    delegated: bool = False  # runs as its sender, not as its target
    allowed: bool | None = None  # on the protocol's allow-list; None: there is no list to hold it against
    holder: str = ""  # the timelock that should make this call and does not
    unfolded: bool = True  # False: a payload goes deeper than anybody reads
    inner: tuple["CallFacts", ...] = ()

    def tree(self) -> Iterator["CallFacts"]:
        """This call and everything that it carries."""
        yield self
        for one in self.inner:
            yield from one.tree()


@dataclass(frozen=True)
class Effect:
    """One thing that the simulation really did: a token that moved, an approval, a role, code that was replaced.

    `kind`: coin, token, approval, operator, role, owner, code, safe, cut. `at`: the contract that says so (coin: "").
    `who` loses or gives it, `to` gets it, `what`: the amount, the role or the slot. Of a Safe, `to` is what stands
    there afterwards (an address or a number), or the slot of no name. `cut`: so many more were not kept.
    """

    kind: str
    at: str
    who: str
    to: str
    what: str


@dataclass(frozen=True)
class Approved:
    """An open proposal that another one approves by its hash. `blocking`: what stops it by itself, in words."""

    simulated: bool | None = None
    blocking: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """A proposal as a finding sees it."""

    safe: str
    version: str
    chain_kind: str
    owners: tuple[str, ...]
    threshold: int
    chain_nonce: int
    nonce: int
    operation: int
    to: str
    readable: bool  # whether it is plain calls: a single call, or the pinned batch of plain calls
    calls: tuple[CallFacts, ...] = ()
    same_nonce: tuple[int, ...] = ()  # other open proposals at this nonce
    environment: str = ""  # of the plan that it belongs to
    in_plan: bool | None = None  # None: no plan is concerned
    simulated: bool | None = None  # whether the simulation went through; None while there is none
    revert: str = ""
    gas_fields: dict[str, str] = field(default_factory=dict)  # those that are not zero
    proxy_version: str = "1.4.1"
    is_rejection: bool = False
    listed: bool = False  # whether the Safe's protocol has an allow-list
    names: Mapping[str, str] = field(default_factory=dict)  # every address that has a name here
    pinned: Mapping[str, str] = field(default_factory=dict)  # registered contracts, each with its registered code hash
    codes: Mapping[str, str] = field(default_factory=dict)  # code hashes that the chain told; "": nothing stands there
    born: Mapping[str, int | None] = field(default_factory=dict)  # young code and its block; None: cannot be known
    holders: frozenset[tuple[str, str]] = frozenset()  # (contract, account): powers that are known
    proposed: Mapping[str, "Approved"] = field(default_factory=dict)  # open proposals that are approved, by the hash
    delays: Mapping[str, int] = field(default_factory=dict)  # of registered timelocks, in seconds
    queued: int = 0  # nonces from the chain's to before its own, for which something is proposed
    effects: tuple[Effect, ...] = ()
    refund: Mapping[str, str] = field(default_factory=dict)  # gasToken and refundReceiver, where they are set
    batch_code: bool | None = None  # whether the pinned batch contract has its pinned code; None: not asked

    def walk(self) -> Iterator[tuple[int, CallFacts]]:
        """Every call, also those inside payloads, with the number of the call that it came in."""
        for number, call in enumerate(self.calls, 1):
            for one in call.tree():
                yield number, one

    def name(self, address: str) -> str:
        """How an address is called here; "" for a stranger."""
        return "this Safe" if address == self.safe else self.names.get(address, "")

    def shown(self, address: str) -> str:
        """An address as a finding names it."""
        known = self.name(address)
        return f"{known} ({address})" if known else f"{address}, which is not known here"


@dataclass(frozen=True)
class Found:
    """What was found, in words, and where: the number of the call from 1, or 0 for the whole transaction."""

    grade: Grade
    text: str
    call: int = 0
    finding: str = ""
    label: str = ""
    waivable: bool = True

    @property
    def key(self) -> str:
        """What a waiver names: this finding with these very words, so that another one is never let through."""
        return f"{self.finding}:{self.call}:{hashlib.sha256(self.text.encode()).hexdigest()[:16]}"


class Finding(Member):
    """One thing that a signer should know. `check` is pure."""

    docs: ClassVar[str] = ""
    waivable: ClassVar[bool] = True  # False: no second role and no reason helps against it

    def check(self, facts: Facts) -> Iterable[Found]:
        raise NotImplementedError


FINDINGS: Family[Finding] = Family("finding", base=Finding)


def said(call: CallFacts, text: str) -> str:
    """The words with the way by which the call comes about."""
    return f"{call.via}: {text}" if call.via else text


def own_call(facts: Facts, call: CallFacts) -> bool:
    """A call of a Safe to itself: how owners, threshold, modules and guards are changed.

    A registered contract that calls itself (a timelock does, to be administered) is read by its pinned ABI instead.
    """
    sender = call.sender or facts.safe
    other = call.registered and not call.is_safe and call.to != facts.safe
    return call.to in (sender, ZERO_ADDRESS) and bool(call.data) and not other


def find_all(facts: Facts) -> list[Found]:
    """Every finding's word on these facts, each once, the worst first."""
    found = {
        Found(one.grade, one.text, one.call, name, member.label, member.waivable): None
        for name, member in FINDINGS.items()
        for one in member().check(facts)
    }
    return sorted(found, key=lambda one: (GRADES.index(one.grade), one.call, one.finding))
