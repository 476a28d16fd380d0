"""Protocols and their contracts, as they are set up: what a call is held against, so an admin's word each time."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.text import slugify

from governance.protocols.abis import digest, read_abi
from governance.protocols.models import Contract, Protocol
from governance.safes.models import Safe
from integrations.chain.addresses import parse_address
from integrations.chain.client import client_for
from integrations.chain.errors import Disagreement, RpcError
from integrations.chain.models import Chain
from integrations.safe.contracts import code_hash
from ledger import Invalid, Refused, record
from ledger.text import one_line, prose

RESERVED = ("new",)


@transaction.atomic
def add_protocol(*, slug: str, name: str, actor: str, description: str = "") -> Protocol:
    """A system to protect. Its slug stands in addresses and playbooks and never changes."""
    name, description = one_line("name", name, 120), prose("description", description, 5_000, empty=True)
    if slug != slugify(slug) or not slug or len(slug) > 60 or slug in RESERVED:
        raise Invalid("slug", "This cannot stand in an address.", "small letters, digits and hyphens, such as helix")
    if Protocol.objects.filter(slug=slug).exists():
        raise Invalid("slug", "There is a protocol of this name.", "another one")
    row = Protocol.objects.create(slug=slug, name=name, description=description)
    record("protocol.added", actor=actor, subject=row.subject, after={"slug": slug, "name": name})
    return row


def register_contract(
    *, protocol: Protocol, chain: Chain, address: str, name: str, role: str, abi: object, actor: str
) -> Contract:
    """Pin its ABI and the code that stands there now. Reads the chain first, so not inside a transaction."""
    address, name = parse_address(address), one_line("name", name, 80)
    role, entries = _role(role), read_abi(abi)
    if (there := Contract.objects.filter(chain=chain, address=address).first()) is not None:
        raise Invalid("address", f"It is registered already, as {there.name}.", "change that one")
    if Safe.objects.filter(chain=chain, address=address).exists():
        raise Invalid("address", "This is a registered Safe, whose functions are known.", "a contract that is no Safe")
    pinned = _code_at(chain, address)
    try:
        with transaction.atomic():
            row = Contract.objects.create(
                protocol=protocol, chain=chain, address=address, name=name, role=role, abi=entries, code_hash=pinned
            )
            record("contract.registered", actor=actor, subject=row.subject, after=_shown(row))
    except IntegrityError:
        raise Invalid("address", "It is registered already.", "change that one") from None
    return row


def change_contract(
    *,
    contract: Contract,
    actor: str,
    name: str | None = None,
    role: str | None = None,
    abi: object = None,
    pin_code: bool = False,
) -> Contract:
    """Another name, role or ABI. With `pin_code` the code that stands there now is taken for the right one."""
    pinned = _code_at(contract.chain, contract.address) if pin_code else ""
    name = contract.name if name is None else one_line("name", name, 80)
    entries = None if abi is None else read_abi(abi)
    with transaction.atomic():
        row = Contract.objects.select_for_update(of=("self",)).select_related("chain", "protocol").get(pk=contract.pk)
        before = _shown(row)
        row.name, row.role = name, row.role if role is None else _role(role)
        row.abi, row.code_hash = row.abi if entries is None else entries, pinned or row.code_hash
        after = _shown(row)
        if after != before:
            row.save(update_fields=["name", "role", "abi", "code_hash"])
            record("contract.changed", actor=actor, subject=row.subject, before=before, after=after)
    return row


@transaction.atomic
def remove_contract(*, contract: Contract, actor: str) -> None:
    """It is a stranger again, and calls of it are not put into words any more."""
    before, subject = _shown(contract), contract.subject
    try:
        with transaction.atomic():
            contract.delete()
    except ProtectedError:
        raise Refused(
            f"powers are held over {before['name']}, so it stays registered", "take away its powers first"
        ) from None
    record("contract.removed", actor=actor, subject=subject, before=before)


def _role(role: str) -> str:
    if role not in Contract.Role.values:
        raise Invalid("role", "This is no role of a contract.", f"one of {', '.join(Contract.Role.values)}")
    return role


def _code_at(chain: Chain, address: str) -> str:
    """The hash of its code, as the chain's endpoints agree on it. Network."""
    client = client_for(chain)
    try:
        block = client.common_block().hash
        code = client.agreed(lambda one: one.code(address, block))
    except Disagreement:
        raise Refused(
            f"The endpoints of {chain.name} disagree about the code at this address; nothing was stored.",
            "look at the chain's endpoints and disable the one that lies or lags",
            "endpoints-disagree",
        ) from None
    except RpcError:
        raise Refused(
            f"{chain.name} cannot be read at this moment; nothing was stored.", "try again", "chain-unavailable"
        ) from None
    if not code:
        raise Invalid("address", f"No code stands at this address on {chain.name}.", "a contract, on its own chain")
    return code_hash(code)


def _shown(row: Contract) -> dict[str, Any]:
    return {
        "protocol": row.protocol.slug,
        "chain_id": row.chain.chain_id,
        "address": row.address,
        "name": row.name,
        "role": row.role,
        "abi_sha256": digest(row.abi),
        "code_hash": row.code_hash,
    }
