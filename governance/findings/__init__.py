"""Findings: the family's base, and the plain facts that a finding looks at (no I/O, so a fixture can state them)."""

from collections.abc import Iterable
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
    code: bool | None = None  # whether code stands there; None while the chain has not been asked
    code_changed: bool = False  # other code than when it was registered
    decoded: DecodedCall | None = None


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


@dataclass(frozen=True)
class Found:
    """What was found, in words, and where: the number of the call from 1, or 0 for the whole transaction."""

    grade: Grade
    text: str
    call: int = 0
    finding: str = ""
    label: str = ""


class Finding(Member):
    """One thing that a signer should know. `check` is pure."""

    docs: ClassVar[str] = ""

    def check(self, facts: Facts) -> Iterable[Found]:
        raise NotImplementedError


FINDINGS: Family[Finding] = Family("finding", base=Finding)


def own_call(facts: Facts, call: CallFacts) -> bool:
    """A call of the Safe to itself: how owners, threshold, modules and guards are changed."""
    return call.to in (facts.safe, ZERO_ADDRESS) and bool(call.data)


def find_all(facts: Facts) -> list[Found]:
    """Every finding's word on these facts, the worst first."""
    found = [
        Found(one.grade, one.text, one.call, name, member.label)
        for name, member in FINDINGS.items()
        for one in member().check(facts)
    ]
    return sorted(found, key=lambda one: (GRADES.index(one.grade), one.call, one.finding))
