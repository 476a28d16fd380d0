"""Reads about Safes."""

from typing import Any

from django.db.models import Count, Q, QuerySet

from governance.safes.models import Safe
from integrations.chain.models import Chain
from ledger.statements import Shape, say

SAFE, CHAIN = Shape(Safe), Shape(Chain)
AT = f"""
SELECT {SAFE.columns("s")}, {CHAIN.columns("n")}
FROM governance_safe s JOIN integrations_chain n ON n.id = s.chain_id
WHERE n.chain_id = %(chain)s AND s.address = %(address)s
"""  # noqa: S608  # columns of ours


def all_safes() -> "QuerySet[Safe]":
    return Safe.objects.select_related("chain", "protocol").order_by("label")


def safes_with_queues(viewer: Any) -> "QuerySet[Safe]":
    """With the number of open proposals that this viewer may see."""
    from governance.proposals.models import Proposal

    seen = Proposal.objects.visible_to(viewer).filter(status__in=("draft", "signing", "ready")).values("pk")
    return all_safes().annotate(open_proposals=Count("proposals", filter=Q(proposals__in=seen)))


def safe_at(chain: Chain, address: str) -> Safe | None:
    return Safe.objects.filter(chain=chain, address=address).select_related("chain").first()


def registered_at(chain_id: int, address: str) -> Safe | None:
    """With its chain: what every call of a program begins with, so it is composed once."""
    found = say(AT, {"chain": chain_id, "address": address})
    if not found:
        return None
    columns = iter(found[0])
    safe = SAFE.build(columns)
    safe.chain = CHAIN.build(columns)
    return safe


def well_known_owners(safe: Safe) -> list[str]:
    """Owners of a live chain's Safe whose private keys are printed in every Ethereum tutorial."""
    from integrations.devnet.keys import WELL_KNOWN

    if safe.chain.kind != "live":
        return []
    return [owner for owner in safe.owners if owner in WELL_KNOWN]
