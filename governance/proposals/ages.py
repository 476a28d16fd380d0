"""How long code has stood at an address: asked of the chain's own past, in few questions, and remembered."""

from collections.abc import Iterable

from django.core.cache import cache

from integrations.chain.client import Client, RpcRefused
from integrations.chain.reading import block_ref, to_bytes

YOUNG_SECONDS = 7 * 24 * 3600
MOST = 24  # addresses a proposal; the rest of a huge batch is judged by the other findings
DAYS = 24 * 3600


def born(client: Client, addresses: Iterable[str], *, head: int, block_time: float) -> dict[str, int | None]:
    """Addresses whose code is younger than a week, with the block that it came in; None: nobody keeps old states.

    An address that is not in the answer has its code for longer.
    """
    edge = max(head - int(YOUNG_SECONDS / max(block_time, 0.1)), 0)
    asked = sorted(set(addresses))[:MOST]
    found: dict[str, int | None] = {}
    unknown = []
    for address in asked:
        known = cache.get(_key(client, address))
        if known is None:
            unknown.append(address)
        elif edge < known <= head:  # a reorg or another chain in its place asks anew
            found[address] = known
    for address, had in zip(unknown, _had_code(client, unknown, edge), strict=True):
        if had is None:
            found[address] = None
        elif not had:
            found[address] = _birth(client, address, edge, head)
        else:
            cache.set(_key(client, address), edge, DAYS)
    return found


def _key(client: Client, address: str) -> str:
    return f"born:{client.chain_id}:{address}"


def _had_code(client: Client, addresses: list[str], block: int) -> list[bool | None]:
    if not addresses:
        return []
    answers = client.batch([("eth_getCode", [address, block_ref(block)]) for address in addresses])
    return [None if isinstance(answer, RpcRefused) else bool(to_bytes(answer)) for answer in answers]


def _birth(client: Client, address: str, low: int, high: int) -> int | None:
    """The first block with code, where `low` has none and `high` has some: at most twenty questions."""
    while high - low > 1:
        middle = (low + high) // 2
        had = _had_code(client, [address], middle)[0]
        if had is None:
            return None
        low, high = (low, middle) if had else (middle, high)
    cache.set(_key(client, address), high, DAYS)
    return high
