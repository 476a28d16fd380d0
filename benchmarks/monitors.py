"""`monitors_1000_block_ms`: a thousand monitors of six kinds at one block, read, judged and written down as by `watch`.

Nearly every read is another one: four hundred price feeds, two hundred balances, a hundred proxies. From the moment at
which the watch begins to look for a new head to the end of its transaction; the devnet makes a block every two seconds.
"""

import os
import time
from typing import Any

from benchmarks.figures import figure, percentile, say

BLOCKS, WARM, STORM = 25, 2, 100
HEARTBEAT = 604_800
LATEST_ROUND, ROUNDS = 4, 5
"""Slots of HelixFeed."""


def main() -> None:
    import django

    django.setup()
    from incidents.watch.chain_watch import ChainWatch
    from incidents.watch.lease import take
    from incidents.watch.models import Monitor
    from integrations.chain.models import Chain
    from integrations.devnet.deployment import Deployment
    from integrations.devnet.rpc import Rpc

    deployment, rpc = Deployment.load(), Rpc(os.environ["DEVNET_RPC_URL"])
    assert deployment is not None
    chain = Chain.objects.get(chain_id=deployment.chain_id)
    feeds = [f"0x{0xFEED0000 + number:040x}" for number in range(550)]
    say("putting 550 price feeds and 100 proxies on the devnet")
    put_feeds(rpc, deployment, feeds)
    proxies = put_proxies(rpc, deployment)
    Monitor.objects.update(enabled=False)
    rows = list(monitors(deployment, chain, feeds, proxies))
    assert len(rows) == 1000
    Monitor.objects.bulk_create(rows)
    held = take("bench")
    assert held is not None, "another process watches"
    watch = ChainWatch(chain, held)
    say(f"{BLOCKS} blocks, {len(watch.roster().questions)} distinct reads")
    took = [block(watch) for _ in range(BLOCKS + WARM)][WARM:]
    firing = Monitor.objects.filter(breached=True).count(), Monitor.objects.filter(blind=True).count()
    assert firing == (0, 0), f"{firing} of them are not calm"
    rpc.batch([("anvil_setStorageAt", [feed, round_slot(1), "0x" + "00" * 32]) for feed in feeds[:STORM]])
    storm = max(block(watch), block(watch))
    said = Monitor.objects.filter(enabled=True, breached=True).count() + Monitor.objects.filter(blind=True).count()
    assert said == STORM, f"{said} of {STORM} were seen"
    note = f"p95 {percentile(took, 0.95):.0f} ms; a block at which {STORM} of them change: {storm:.0f} ms; six kinds"
    figure("monitors_1000_block_ms", percentile(took, 0.5), "ms", len(took), note)


def block(watch: Any) -> float:
    """The next block, from looking for it to having written it down."""
    while True:
        began = time.monotonic()
        if watch.step():
            return (time.monotonic() - began) * 1000
        time.sleep(0.02)


def monitors(deployment: Any, chain: Any, feeds: list[str], proxies: list[str]) -> Any:
    from incidents.watch.models import Monitor
    from integrations.devnet.population import traders

    def one(kind: str, number: int, **config: Any) -> Monitor:
        slug = f"bench-{kind.replace('_', '-')}-{number}"
        return Monitor(slug=slug, name=slug, kind=kind, config=config, chain=chain, severity="SEV3")

    people = [trader.address for trader in traders()]
    for number, feed in enumerate(feeds[:400]):
        yield one("oracle_stale", number, feed=feed, name=str(number), heartbeat=HEARTBEAT)
    for number, feed in enumerate(feeds[400:]):
        yield one("volatility", number, feed=feed, name=str(number), window=600)
    for number, person in enumerate(people):
        yield one("outflow", number, token=deployment.usd, holder=person, name=str(number), window=600, decimals=6)
    account = {"function": "collateralOf(address) view returns (int256)"}
    for number, person in enumerate(people[:100]):
        yield one("value_changed", number, contract=deployment.vault, name="x", arguments=[person], **account)
    for number, proxy in enumerate(proxies):
        yield one("implementation_changed", number, proxy=proxy, name=str(number), implementation=deployment.engine)
    for number in range(50):
        yield one("liquidation_surge", number, contract=deployment.vault, name="x", window=60 + number)


def round_slot(number: int) -> str:
    from eth_utils.crypto import keccak

    return "0x" + keccak(number.to_bytes(32) + ROUNDS.to_bytes(32)).hex()


def put_feeds(rpc: Any, deployment: Any, addresses: list[str]) -> None:
    """Copies of a real feed, each with one answer of its own."""
    code = "0x" + rpc.code(deployment.feeds[0].address).hex()
    now = rpc.timestamp()
    for number, address in enumerate(addresses):
        answer = (now << 192) | (1_000_000_000 + number)
        rpc.batch(
            [
                ("anvil_setCode", [address, code]),
                ("anvil_setStorageAt", [address, hex(LATEST_ROUND), f"0x{1:064x}"]),
                ("anvil_setStorageAt", [address, round_slot(1), f"0x{answer:064x}"]),
            ]
        )


def put_proxies(rpc: Any, deployment: Any) -> list[str]:
    """Contracts with an implementation in ERC-1967's slot."""
    from incidents.monitors.implementation_changed import SLOTS

    addresses = [f"0x{0xABCD0000 + number:040x}" for number in range(100)]
    word = "0x" + deployment.engine[2:].lower().rjust(64, "0")
    rpc.batch([("anvil_setStorageAt", [one, hex(SLOTS["implementation"]), word]) for one in addresses])
    return addresses


if __name__ == "__main__":
    main()
