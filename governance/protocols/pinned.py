"""Functions of pinned ABIs, read once a process: they are long, and a row's version tells whether it was changed."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.expressions import RawSQL

from governance.protocols.models import Contract
from integrations.chain.abi_types import Function, parse_abi
from ledger.statements import say

Functions = Mapping[bytes, Function]
MOST_KEPT = 500
_read: dict[int, tuple[str, Functions]] = {}


def without_abis(contracts: "QuerySet[Contract]") -> "QuerySet[Contract]":
    """Rows whose ABI is loaded only where nobody has read this version of it yet."""
    version: Any = RawSQL("governance_contract.xmin::text", (), output_field=TextField())
    return contracts.defer("abi").annotate(row_version=version)


VERSIONS = """
SELECT c.address, c.id, c.xmin::text FROM governance_contract c JOIN integrations_chain n ON n.id = c.chain_id
WHERE n.chain_id = %(chain)s AND c.address = ANY(%(at)s)
"""


def functions_at(chain_id: int, addresses: Iterable[str]) -> dict[str, Functions]:
    """By address, of those contracts that are registered on a chain."""
    found: dict[str, Functions] = {}
    for address, pk, version in say(VERSIONS, {"chain": chain_id, "at": sorted(set(addresses))}):
        known = _read.get(pk)
        if known is None or known[0] != version:
            functions_of(without_abis(Contract.objects.filter(pk=pk)).get())
            known = _read[pk]
        found[address] = known[1]
    return found


def functions_of(contract: Contract) -> Functions:
    """By selector; of two with the same one the first counts."""
    version = getattr(contract, "row_version", "")
    known = _read.get(contract.pk)
    if version and known and known[0] == version:
        return known[1]
    found: dict[bytes, Function] = {}
    for function in parse_abi(contract.abi, "function"):
        found.setdefault(function.selector, function)
    if version:
        if len(_read) >= MOST_KEPT:
            _read.clear()
        _read[contract.pk] = (version, found)
    return found
