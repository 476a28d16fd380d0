"""Loads what compiling may know: registered contracts, Safes, audiences."""

from governance.protocols.models import Contract, Protocol
from governance.safes.models import Safe
from notify.models import Audience
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
    return frozenset(Audience.objects.values_list("slug", flat=True))
