"""Reads about Safes."""

from typing import Any

from django.db.models import Count, Q, QuerySet

from governance.safes.models import Safe
from integrations.chain.models import Chain


def all_safes() -> "QuerySet[Safe]":
    return Safe.objects.select_related("chain", "protocol").order_by("label")


def safes_with_queues(viewer: Any) -> "QuerySet[Safe]":
    """With the number of open proposals that this viewer may see."""
    from governance.proposals.models import Proposal

    seen = Proposal.objects.visible_to(viewer).filter(status__in=("draft", "signing", "ready")).values("pk")
    return all_safes().annotate(open_proposals=Count("proposals", filter=Q(proposals__in=seen)))


def safe_at(chain: Chain, address: str) -> Safe | None:
    return Safe.objects.filter(chain=chain, address=address).select_related("chain").first()


def well_known_owners(safe: Safe) -> list[str]:
    """Owners of a live chain's Safe whose private keys are printed in every Ethereum tutorial."""
    from integrations.devnet.keys import WELL_KNOWN

    if safe.chain.kind != "live":
        return []
    return [owner for owner in safe.owners if owner in WELL_KNOWN]
