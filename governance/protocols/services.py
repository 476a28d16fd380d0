"""The allow-list of a protocol."""

from django.db import transaction

from governance.protocols.models import Allowed, Protocol
from integrations.chain.abi import selector
from integrations.chain.addresses import parse_address
from integrations.chain.models import Chain
from ledger import Invalid, record
from ledger.text import one_line


@transaction.atomic
def allow(
    *, protocol: Protocol, chain: Chain, address: str, label: str, actor: str, functions: tuple[str, ...] = ("",)
) -> list[Allowed]:
    """Let the protocol's Safes call these functions there; without any, let value and tokens go there."""
    address, label = parse_address(address), one_line("label", label, 80)
    for function in filter(None, functions):
        try:
            selector(function)
        except Invalid as error:
            raise Invalid("functions", error.message, "a signature such as pause()") from None
    rows = []
    for function in functions:
        row, created = Allowed.objects.get_or_create(
            protocol=protocol,
            chain=chain,
            address=address,
            function=function,
            defaults={"label": label, "created_by": actor},
        )
        if created:
            after = {"protocol": protocol.slug, "address": address, "function": function, "label": label}
            record("allowed.added", actor=actor, subject=row.subject, after=after)
        rows.append(row)
    return rows


@transaction.atomic
def disallow(*, allowed: Allowed, actor: str, reason: str) -> None:
    """Take a line off the list again."""
    before = {"address": allowed.address, "function": allowed.function, "label": allowed.label}
    record("allowed.removed", actor=actor, subject=allowed.subject, before=before, reason=reason)
    allowed.delete()
