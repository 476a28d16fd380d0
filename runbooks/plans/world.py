"""Loads what compiling may know: registered contracts, Safes, audiences."""

from django.apps import apps

from governance.protocols.models import Contract, Protocol
from governance.safes.models import Safe
from runbooks.plans.context import KnownContract, KnownSafe, PlanContext


def context_for(*, protocol: Protocol | None, environment: str, facts: dict[str, str] | None = None) -> PlanContext:
    contracts = Contract.objects.select_related("chain").order_by("pk")
    safes = Safe.objects.select_related("chain").order_by("pk")
    if protocol is not None:
        contracts, safes = contracts.filter(protocol=protocol), safes.filter(protocol=protocol)
    return PlanContext(
        environment=environment,
        contracts=tuple(KnownContract(c.chain.chain_id, c.address, c.name, c.role) for c in contracts),
        safes=tuple(KnownSafe(s.chain.chain_id, s.address, s.label) for s in safes),
        audiences=_audiences(),
        facts={"protocol": protocol.name if protocol else "", **(facts or {})},
    )


def _audiences() -> frozenset[str]:
    audience = apps.all_models["notify"].get("audience")
    return frozenset(audience._default_manager.values_list("slug", flat=True)) if audience else frozenset()
