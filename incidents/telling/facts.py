"""What an incident knows of what a letter asks for. A proposal for the writer, who reads and changes it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from governance.proposals.models import Proposal
from governance.protocols.models import Contract
from incidents.incidents.models import Incident
from ledger.models import ScopeClosure
from runbooks.evidence.models import Evidence

HANDLED = ("vault", "proxy", "router")


def facts_of(incident: Incident | None, viewer: Any) -> dict[str, str]:
    if incident is None:
        return {}
    below = ScopeClosure.objects.filter(ancestor=incident.scope).values("descendant_id")
    executed = Proposal.objects.visible_to(viewer).filter(scope__in=below, status="executed").order_by("pk")
    mine = Evidence.objects.visible_to(viewer).filter(step__run__scope__in=below)
    evidence = mine.order_by("pk").values_list("name", "sha256")
    known = {
        "since": _since(incident),
        "funds": _funds(incident),
        "done": _lines(proposal.title for proposal in executed),
        "evidence": _lines(f"{name}, SHA-256 {sha256}" for name, sha256 in evidence[:50]),
    }
    return {**known, **_of_protocol(incident), "suspects": _suspects(incident)}


def _suspects(incident: Incident) -> str:
    """What stands on the address board and is no contract of the protocol's."""
    ours = set(Contract.objects.filter(protocol=incident.protocol).values_list("address", flat=True))
    found = [one for one in incident.addresses.order_by("pk")[:100] if one.address not in ours]
    return _lines(f"{one.address} on chain {one.chain_id}{f', {one.label}' if one.label else ''}" for one in found)


def _of_protocol(incident: Incident) -> dict[str, str]:
    if incident.protocol is None:
        return {}
    found = Contract.objects.filter(protocol=incident.protocol).select_related("chain").defer("abi").order_by("pk")
    contracts = [one for one in found if one.role not in ("standby",)][:50]
    chains = {one.chain.chain_id: one.chain.name for one in contracts}
    return {
        "protocol": incident.protocol.name,
        "chains": ", ".join(f"{name} ({number})" for number, name in chains.items()),
        "contracts": _lines(f"{one.name} ({one.role}) {one.address} on {one.chain.name}" for one in contracts),
        "vaults": ", ".join(one.name for one in contracts if one.role in HANDLED),
    }


def _funds(incident: Incident) -> str:
    said = ((incident.funds_moved, "lost"), (incident.funds_at_risk, "at risk"), (incident.funds_saved, "saved"))
    return ", ".join(f"${amount:,} {what}" for amount, what in said if amount is not None)


def _since(incident: Incident) -> str:
    at: datetime | None = incident.first_bad_at or incident.detected_at
    block = f", block {incident.first_bad_block}" if incident.first_bad_block else ""
    return f"{at.astimezone(UTC):%d %B %Y %H:%M} UTC{block}" if at else ""


def _lines(found: Iterable[str]) -> str:
    return "\n".join(found)
