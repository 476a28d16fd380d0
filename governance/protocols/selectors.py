"""Reads about protocols."""

from dataclasses import dataclass
from itertools import groupby

from django.db.models import Count, Prefetch, QuerySet

from governance.protocols.models import Allowed, Contract, FailureMode, Power, Protocol
from governance.protocols.pinned import functions_of, without_abis
from integrations.chain.abi import selector
from integrations.chain.models import Chain
from ledger import Invalid


def protocols_with_counts() -> "QuerySet[Protocol]":
    return Protocol.objects.annotate(
        contract_count=Count("contracts", distinct=True),
        power_count=Count("powers", distinct=True),
        failure_mode_count=Count("failure_modes", distinct=True),
    ).order_by("name")


def whole_protocol() -> "QuerySet[Protocol]":
    """With everything that its page shows, in a fixed number of queries."""
    return Protocol.objects.prefetch_related(
        Prefetch("contracts", Contract.objects.select_related("chain").defer("abi")),
        Prefetch("powers", Power.objects.select_related("contract__chain").defer("contract__abi")),
        Prefetch("failure_modes", FailureMode.objects.select_related("power")),
        Prefetch("allowed", Allowed.objects.select_related("chain").order_by("chain", "address", "function")),
        "safes__chain",
    )


@dataclass(frozen=True)
class Line:
    """One line of an allow-list. `known` is False where the pinned ABI has no such function, None without an ABI."""

    row: Allowed
    selector: str
    known: bool | None


@dataclass(frozen=True)
class Entry:
    """All that is allowed at one address."""

    address: str
    label: str
    chain: Chain
    contract: Contract | None
    lines: list[Line]


def allow_list(protocol: Protocol) -> list[Entry]:
    """By address, each function with its selector, held against the ABI that is pinned there."""
    rows = list(protocol.allowed.all())
    addresses = {row.address for row in rows}
    pinned = without_abis(Contract.objects.filter(address__in=addresses))
    contracts = {(one.chain_id, one.address): one for one in pinned}
    found = []
    for (chain, address), group in groupby(rows, key=lambda row: (row.chain_id, row.address)):
        contract, lines = contracts.get((chain, address)), list(group)
        label = contract.name if contract else lines[0].label
        found.append(Entry(address, label, lines[0].chain, contract, [_line(row, contract) for row in lines]))
    return sorted(found, key=lambda entry: (entry.chain.name, entry.label, entry.address))


def _line(row: Allowed, contract: Contract | None) -> Line:
    try:
        found = selector(row.function) if row.function else b""
    except Invalid:
        found = b""
    known = found in functions_of(contract) if contract is not None and row.function else None
    return Line(row, f"0x{found.hex()}" if found else "", known)


def unguarded(protocol: Protocol) -> list[Chain]:
    """Chains on which its Safes are held against no allow-list, since it has no line there."""
    listed = {row.chain_id for row in protocol.allowed.all()}
    found = {safe.chain_id: safe.chain for safe in protocol.safes.all() if safe.chain_id not in listed}
    return sorted(found.values(), key=lambda chain: chain.name)
