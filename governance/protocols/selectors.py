"""Reads about protocols."""

from django.db.models import Count, Prefetch, QuerySet

from governance.protocols.models import Allowed, Contract, FailureMode, Power, Protocol


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
        Prefetch("allowed", Allowed.objects.select_related("chain")),
        "safes__chain",
    )
