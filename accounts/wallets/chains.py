"""Which chains a person may sign for. The chains themselves are known on a floor above, so they are told to us."""

from collections.abc import Callable, Iterable

from django.conf import settings

DEVNET_CHAIN_ID = 731337

_sources: list[Callable[[], Iterable[int]]] = []


def known_chains_from(source: Callable[[], Iterable[int]]) -> None:
    """`integrations` tells here, once, how to list the registered chains' ids."""
    if source not in _sources:
        _sources.append(source)


def known_chain_ids() -> frozenset[int]:
    ids = set(settings.SIGN_IN_CHAIN_IDS)
    if settings.DEVNET_ENABLED:
        ids.add(getattr(settings, "DEVNET_CHAIN_ID", DEVNET_CHAIN_ID))
    for source in _sources:
        ids.update(source())
    return frozenset(ids)
