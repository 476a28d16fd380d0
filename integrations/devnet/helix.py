"""Helix on the devnet: its contracts at addresses that follow from their bytes, its markets, who holds which power.

The guardian Safe may only pause and make stricter; the timelock (the council Safe proposes to it) is admin and
upgrader; the keeper matches orders. The deployer is admin only until the markets stand.
"""

import json
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from integrations.devnet.abi import ask, calldata
from integrations.devnet.anvil import ROOT
from integrations.devnet.builder import Builder
from integrations.devnet.chain import DEPLOYER, KEEPER
from integrations.devnet.deployment import FeedRef, MarketRef
from integrations.devnet.rpc import Rpc
from integrations.devnet.safe_contracts import CREATE2_DEPLOYER, create2_address
from integrations.devnet.safes import ZERO, demo_safes

TIMELOCK_DELAY = 600
PAUSE_SECONDS = 24 * 3600
GRACE_SECONDS = 3600
FEED_DECIMALS = 8
HLX_USD = "HLX/USD"
ETH_USD = "ETH/USD"
DAY = 24 * 3600
DEFAULT_ADMIN_ROLE = bytes(32)
KINDS = ("perpetual", "call", "put")


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """A feed to deploy; its prices are the first answer's units (8 decimals)."""

    name: str
    heartbeat: int
    first_answer: int


FEEDS = (
    # Short enough that a stopped feed shows at once, long enough that the keeper never hurries.
    FeedPlan(HLX_USD, heartbeat=120, first_answer=12_40000000),
    FeedPlan(ETH_USD, heartbeat=3600, first_answer=3150_00000000),
)


REFERENCED = (HLX_USD,)
"""Feeds that have a second source beside them, which no contract uses: something to compare with."""


@dataclass(frozen=True, slots=True)
class MarketPlan:
    """A market to list. `days` until expiry and `strike` (8 decimals) are for options only."""

    symbol: str
    kind: str
    feed: str
    initial_bps: int
    maintenance_bps: int
    strike: int = 0
    days: int = 0
    band_bps: int = 500
    penalty_bps: int = 100


MARKETS = (
    MarketPlan("HLX-PERP", "perpetual", HLX_USD, 1000, 500),
    MarketPlan("ETH-PERP", "perpetual", ETH_USD, 500, 250),
    MarketPlan("HLX-15-C", "call", HLX_USD, 1500, 750, strike=15_00000000, days=30),
    MarketPlan("ETH-3400-C", "call", ETH_USD, 1000, 500, strike=3400_00000000, days=30),
    MarketPlan("HLX-10-P", "put", HLX_USD, 1500, 750, strike=10_00000000, days=30),
    MarketPlan("ETH-2800-P", "put", ETH_USD, 1000, 500, strike=2800_00000000, days=30),
)


@cache
def artifact_code(name: str, root: Path = ROOT) -> bytes:
    artifact = json.loads((root / "integrations/devnet/artifacts" / f"{name}.json").read_bytes())
    return bytes.fromhex(artifact["bytecode"][2:])


@dataclass(frozen=True, slots=True)
class Part:
    """One contract of Helix: its artifact, its constructor's arguments, and the address that follows from both."""

    artifact: str
    init_code: bytes

    @property
    def address(self) -> str:
        return create2_address(CREATE2_DEPLOYER, self.init_code)


def _part(artifact: str, types: tuple[str, ...] = (), *arguments: object) -> Part:
    return Part(artifact, artifact_code(artifact) + encode(types, arguments))


def _feed(feed: FeedPlan, description: str, admin: Part) -> Part:
    return _part(
        "HelixFeed",
        ("string", "uint8", "uint256", "int256", "address", "address"),
        description,
        FEED_DECIMALS,
        feed.heartbeat,
        feed.first_answer,
        admin.address,
        KEEPER.address,
    )


@cache
def references() -> dict[str, Part]:
    """Second sources by the name of the feed that they stand beside."""
    admin = parts()["timelock"]
    return {feed.name: _feed(feed, f"{feed.name}, second source", admin) for feed in FEEDS if feed.name in REFERENCED}


@cache
def parts() -> dict[str, Part]:
    """In the order in which they must be deployed."""
    guardian, council, _ = demo_safes()
    timelock = _part(
        "TimelockController",
        ("uint256", "address[]", "address[]", "address"),
        TIMELOCK_DELAY,
        [council.address],
        [ZERO],  # anyone may execute what has waited long enough
        ZERO,
    )
    usd = _part("HelixUSD", ("address",), DEPLOYER.address)
    engine = _part("HelixEngine")
    implementation = _part("HelixVault", ("address",), engine.address)
    roles = (DEPLOYER.address, guardian.address, timelock.address, timelock.address, KEEPER.address)
    initialize = calldata(
        "initialize(address,(address,address,address,address,address),uint64,uint64)",
        usd.address,
        roles,
        PAUSE_SECONDS,
        GRACE_SECONDS,
    )
    vault = _part("ERC1967Proxy", ("address", "bytes"), implementation.address, initialize)
    feeds = {f"feed:{feed.name}": _feed(feed, feed.name.replace("/", " / "), timelock) for feed in FEEDS}
    return {
        "timelock": timelock,
        "usd": usd,
        **feeds,
        "engine": engine,
        "vault_implementation": implementation,
        "vault": vault,
    }


def deploy_helix(builder: Builder) -> None:
    """Contracts and markets. Afterwards the deployer is still admin of the vault: `hand_over` ends that."""
    for name, part in parts().items():
        builder.create(part.init_code, what=f"Helix {name}")
    builder.flush()
    vault = parts()["vault"].address
    listed = ask(builder.rpc, vault, "marketCount()", returns="uint256")[0]
    for market in MARKETS[listed:]:
        builder.send(vault, _add_market(market), what=f"market {market.symbol}", gas=1_000_000)
    builder.flush()


def _add_market(market: MarketPlan) -> bytes:
    expiry = 0
    if market.days:
        # Options expire at 08:00 UTC, as they do elsewhere.
        expiry = (int(time.time()) // DAY + market.days) * DAY + 8 * 3600
    return calldata(
        "addMarket((string,uint8,address,uint128,uint64,uint16,uint16,uint16,uint16))",
        (
            market.symbol,
            KINDS.index(market.kind),
            feed_address(market.feed),
            market.strike,
            expiry,
            market.initial_bps,
            market.maintenance_bps,
            market.band_bps,
            market.penalty_bps,
        ),
    )


def hand_over(builder: Builder) -> None:
    """The timelock becomes admin, the deployer stops being it."""
    vault, timelock = parts()["vault"].address, parts()["timelock"].address
    grant = calldata("grantRole(bytes32,address)", DEFAULT_ADMIN_ROLE, timelock)
    renounce = calldata("renounceRole(bytes32,address)", DEFAULT_ADMIN_ROLE, DEPLOYER.address)
    builder.send(vault, grant, what="the timelock's admin role", gas=200_000)
    builder.send(vault, renounce, what="the deployer's renouncing", gas=200_000)
    builder.flush()


def handed_over(rpc: Rpc) -> bool:
    """The last step of a deployment: where it is done, all of them are."""
    vault = parts()["vault"].address
    if not rpc.code(vault):
        return False
    holders = (parts()["timelock"].address, DEPLOYER.address)
    held = [
        ask(rpc, vault, "hasRole(bytes32,address)", DEFAULT_ADMIN_ROLE, holder, returns="bool")[0] for holder in holders
    ]
    return held == [True, False]


def feed_address(name: str) -> str:
    return parts()[f"feed:{name}"].address


def feed_refs() -> tuple[FeedRef, ...]:
    return tuple(FeedRef(feed.name, feed_address(feed.name), feed.heartbeat, FEED_DECIMALS) for feed in FEEDS)


def reference_refs() -> tuple[FeedRef, ...]:
    heartbeats = {feed.name: feed.heartbeat for feed in FEEDS}
    return tuple(FeedRef(name, part.address, heartbeats[name], FEED_DECIMALS) for name, part in references().items())


def deploy_references(builder: Builder) -> None:
    """They begin where their feeds are."""
    for name, part in references().items():
        builder.create(part.init_code, what=f"second source of {name}")
    builder.flush()
    for name, part in references().items():
        now = ask(builder.rpc, feed_address(name), "latestAnswer()", returns="int256")[0]
        data = calldata("updateAnswer(int256)", now)
        builder.send(part.address, data, sender=KEEPER.address, what=f"second source of {name}", gas=300_000)
    builder.flush()


def read_markets(rpc: Rpc) -> tuple[MarketRef, ...]:
    """As they stand on the chain."""
    vault = parts()["vault"].address
    count = ask(rpc, vault, "marketCount()", returns="uint256")[0]
    names = {feed.address.lower(): feed.name for feed in feed_refs()}
    refs = []
    for index in range(count):
        market = _read_struct(rpc, vault, "getMarket", "uint256", index)
        refs.append(
            MarketRef(
                index=index,
                symbol=market["symbol"],
                kind=KINDS[market["kind"]],
                feed=names[market["feed"].lower()],
                strike=str(market["strike"]),
                expiry=market["expiry"],
            )
        )
    return tuple(refs)


def _read_struct(rpc: Rpc, vault: str, function: str, types: str, *arguments: object) -> dict[str, Any]:
    """The one struct that a view returns, by the names that the artifact gives its members."""
    abi = json.loads((ROOT / "integrations/devnet/artifacts/HelixVault.json").read_bytes())["abi"]
    (output,) = next(item for item in abi if item.get("name") == function)["outputs"]
    members = output["components"]
    returns = f"({','.join(member['type'] for member in members)})"
    (values,) = ask(rpc, vault, f"{function}({types})", *arguments, returns=returns)
    return dict(zip((member["name"] for member in members), values, strict=True))
