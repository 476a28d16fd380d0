"""The allow-list of a protocol."""

from django.db import transaction

from governance.protocols.abis import function_in
from governance.protocols.models import Allowed, Contract, Protocol
from governance.protocols.pinned import functions_of
from integrations.chain.abi_types import parse_signature
from integrations.chain.addresses import ZERO_ADDRESS, parse_address
from integrations.chain.models import Chain
from ledger import Invalid, record
from ledger.text import one_line


@transaction.atomic
def allow(
    *, protocol: Protocol, chain: Chain, address: str, actor: str, label: str = "", functions: tuple[str, ...] = ("",)
) -> list[Allowed]:
    """Let the protocol's Safes call these functions there; without any, let value and tokens go there.

    Of a registered contract a function is one of its pinned ABI, by name, signature or selector. The lines that are
    new; what is on the list already stays as it is.
    """
    address = parse_address(address)
    if address == ZERO_ADDRESS:
        raise Invalid("address", "Nobody is at the zero address.", "a contract, or who may receive")
    contract = Contract.objects.filter(chain=chain, address=address).first()
    label = one_line("label", label or (contract.name if contract else ""), 80)
    rows = []
    for function in {_signature(contract, one): None for one in functions}:
        row, created = Allowed.objects.get_or_create(
            protocol=protocol,
            chain=chain,
            address=address,
            function=function,
            defaults={"label": label, "created_by": actor},
        )
        if created:
            record("allowed.added", actor=actor, subject=row.subject, after=_shown(row))
            rows.append(row)
    return rows


def _signature(contract: Contract | None, given: str) -> str:
    """In the one spelling by which it is hashed; empty for receiving."""
    if not given.strip():
        return ""
    if contract is not None:
        return function_in(functions_of(contract), given).signature
    if given.strip().lower().startswith("0x"):
        raise Invalid(
            "function",
            "Of a contract that is not registered nobody knows which function has this selector.",
            "register it with its ABI first, or give the signature",
        )
    return parse_signature(given).signature


@transaction.atomic
def disallow(*, allowed: Allowed, actor: str, reason: str = "") -> None:
    """Take a line off the list again."""
    record("allowed.removed", actor=actor, subject=allowed.subject, before=_shown(allowed), reason=reason)
    allowed.delete()


def _shown(row: Allowed) -> dict[str, object]:
    return {
        "protocol": row.protocol.slug,
        "chain_id": row.chain.chain_id,
        "address": row.address,
        "function": row.function,
        "label": row.label,
    }
