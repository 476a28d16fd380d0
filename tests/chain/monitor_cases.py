"""For each kind of monitor: how it is set up on the devnet, what it must stay quiet at, and the fault that it sees."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

from incidents.watch.models import WatchedBlock
from integrations.chain.addresses import checksum
from integrations.chain.models import Chain, Endpoint
from integrations.devnet import prices
from integrations.devnet.abi import calldata
from integrations.devnet.chain import KEEPER
from integrations.devnet.faults import FAULTS, World
from integrations.devnet.faults.acting import THIEF, act
from integrations.devnet.helix import HLX_USD
from integrations.devnet.proxy import RpcProxy
from integrations.devnet.safes import ZERO
from tests.chain.conftest import Devnet
from tests.chain.transactions import drive, due_now, increment, make_executor, put_counter, turn

PER_CENT = 100


@dataclass
class Stage:
    """A devnet that mines when told to, the chain's row, a proxy, and the page of the protocol."""

    devnet: Devnet
    chain: Chain
    world: World
    proxy: RpcProxy
    page: str
    clock: time_machine.Traveller | None = None
    on: dict[str, Any] = field(default_factory=dict)

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.devnet.rpc("evm_mine")

    def later(self, seconds: int) -> None:
        """One block, so many seconds after the last."""
        self.devnet.rpc("evm_mine", self.devnet.rpc.timestamp() + seconds)

    def start(self, name: str, **config: Any) -> None:
        if "proxy" in FAULTS[name].Config.model_fields:
            config["proxy"] = self.proxy.url
        self.on[name] = FAULTS[name](FAULTS.parse(name, config))
        self.on[name].start(self.world)

    def clear(self, name: str) -> None:
        self.on.pop(name).clear(self.world)

    @property
    def feed(self) -> Any:
        return self.devnet.deployment.feed(HLX_USD)

    @property
    def vault(self) -> str:
        return self.devnet.deployment.vault

    @property
    def money(self) -> dict[str, Any]:
        return {"token": self.devnet.deployment.usd, "holder": self.vault, "name": "hUSD in the vault", "decimals": 6}

    @property
    def priced(self) -> dict[str, Any]:
        return {"feed": self.feed.address, "name": HLX_USD}


Do = Callable[[Stage], None]


def nothing(_stage: Stage) -> None:
    """There is nothing to do."""


@dataclass(frozen=True)
class Case:
    """`near` is what almost is a fault, `spare` takes it back; `again`: what a reorg took comes back; `after`: what has
    to pass before it counts as cured."""

    kind: str
    config: Callable[[Stage], dict[str, Any]]
    near: Do
    fault: Do
    cure: Do
    spare: Do = nothing
    again: Do | None = None
    after: Do = nothing
    before: Do = nothing


def fault(name: str, **config: Any) -> Do:
    return lambda stage: stage.start(name, **config)


def over(name: str) -> Do:
    return lambda stage: stage.clear(name)


def age_the_feed(stage: Stage) -> None:
    answer = prices.latest(stage.devnet.rpc, stage.feed)
    stage.devnet.rpc("evm_mine", answer.updated_at + stage.feed.heartbeat)


def upgrade_to_the_same(stage: Stage) -> None:
    data = calldata("upgradeToAndCall(address,bytes)", stage.devnet.deployment.vault_implementation, b"")
    act(stage.devnet.rpc, stage.devnet.deployment.timelock, stage.vault, data)


def set_the_same_target(stage: Stage) -> None:
    data = calldata("setMigrationTarget(address)", ZERO)
    act(stage.devnet.rpc, stage.devnet.deployment.timelock, stage.vault, data)


def wait_for_a_head(seconds: int) -> Do:
    def wait(stage: Stage) -> None:
        assert stage.clock is not None
        seen = WatchedBlock.objects.order_by("-pk")[0]
        since = min(seen.timestamp, seen.at.timestamp())
        stage.clock.move_to(datetime.fromtimestamp(since, UTC) + timedelta(seconds=seconds))

    return wait


def no_more_blocks(stage: Stage) -> None:
    stage.start("chain-halt")
    wait_for_a_head(66)(stage)


def blocks_again(stage: Stage) -> None:
    """The fault's end mines a block, which the database sees at its own time; the test goes on mining by hand."""
    assert stage.clock is not None
    now = time_machine.escape_hatch.time.time()
    stage.clock.move_to(datetime.fromtimestamp(now, UTC))
    stage.devnet.rpc("anvil_setTime", max(int(now), stage.devnet.rpc.timestamp() + 1))
    stage.clear("chain-halt")
    stage.devnet.rpc("evm_setIntervalMining", 0)


def send_one(stage: Stage) -> None:
    """A transaction of ours that offers less than blocks cost by then."""
    put_counter(stage.devnet.rpc)
    tx = increment(make_executor(stage.chain, stage.devnet.rpc))
    turn(tx)
    stage.start("fee-spike")
    for _ in range(6):
        due_now(tx)
        turn(tx)
        if tx.sent_block is not None:
            break
    stage.on["tx"] = tx


def bring_it_home(stage: Stage) -> None:
    stage.clear("fee-spike")
    drive(stage.on.pop("tx"), "mined", rpc=stage.devnet.rpc)


def second_endpoint(stage: Stage) -> None:
    Endpoint.objects.create(chain=stage.chain, url=stage.proxy.url, label="second", priority=20)


def only_the_proxy(stage: Stage) -> None:
    Endpoint.objects.update(url=stage.proxy.url)


def stall_two_blocks(stage: Stage) -> None:
    stage.start("finality-stalls")
    stage.mine(2)


CASES = [
    Case(
        "oracle_stale",
        lambda s: {**s.priced, "heartbeat": s.feed.heartbeat},
        near=age_the_feed,
        fault=fault("stale-feed"),
        cure=over("stale-feed"),
    ),
    Case(
        "oracle_deviation",
        lambda s: {**s.priced, "other": s.devnet.deployment.reference(HLX_USD).address},
        near=fault("price-jump", percent=-1),
        spare=over("price-jump"),
        fault=fault("price-jump", percent=-10),
        cure=over("price-jump"),
    ),
    Case(
        "volatility",
        lambda s: {**s.priced, "window": 60},
        near=fault("price-jump", percent=-2),
        spare=over("price-jump"),
        fault=fault("price-jump", percent=-20),
        cure=over("price-jump"),
        after=lambda s: s.later(61),
    ),
    Case(
        "outflow",
        lambda s: {**s.money, "window": 60},
        near=fault("drain", percent=15),
        spare=over("drain"),
        fault=fault("drain", percent=40),
        cure=over("drain"),
    ),
    Case(
        "collateral_gap",
        lambda s: {"contract": s.vault, "name": "HelixVault", "decimals": 6, "tolerance_bps": PER_CENT},
        near=fault("drain", percent=1),
        spare=over("drain"),
        fault=fault("drain", percent=2),
        cure=over("drain"),
    ),
    Case(
        "interest_imbalance",
        lambda s: {"contract": s.vault, "market": 0, "name": "HLX-PERP", "limit_bps": PER_CENT},
        near=fault("lopsided-market", percent=1),
        spare=over("lopsided-market"),
        fault=fault("lopsided-market", percent=10),
        cure=over("lopsided-market"),
    ),
    Case(
        "liquidation_surge",
        lambda s: {"contract": s.vault, "name": "HelixVault", "limit": 3},
        near=fault("liquidations", count=3),
        fault=fault("liquidations", count=2),
        cure=over("liquidations"),
        after=lambda s: s.later(601),
    ),
    Case(
        "paused",
        lambda s: {"contract": s.vault, "name": "HelixVault"},
        near=fault("pause-vault", what="mode"),
        spare=over("pause-vault"),
        fault=fault("pause-vault"),
        cure=over("pause-vault"),
    ),
    Case(
        "paused",
        lambda s: {"contract": s.vault, "name": "HelixVault", "mode": 0},
        near=fault("safe-module"),
        fault=fault("pause-vault", what="mode"),
        cure=over("pause-vault"),
    ),
    Case(
        "implementation_changed",
        lambda s: {"proxy": s.vault, "name": "HelixVault"},
        near=upgrade_to_the_same,
        fault=fault("upgrade"),
        cure=over("upgrade"),
    ),
    Case(
        "role_changed",
        lambda s: {
            "contract": s.vault,
            "name": "HelixVault",
            "roles": ["UPGRADER_ROLE", "KEEPER_ROLE"],
            "accepted": [f"granted KEEPER_ROLE {checksum(THIEF)}"],
        },
        near=fault("role-grant", role="KEEPER_ROLE"),
        fault=fault("role-grant"),
        cure=over("role-grant"),
    ),
    Case(
        "safe_changed",
        lambda s: {"safe": s.devnet.deployment.guardian_safe, "name": "Guardian Safe"},
        near=fault("safe-module", safe="council"),
        fault=fault("safe-module"),
        cure=over("safe-module"),
    ),
    Case(
        "safe_changed",
        lambda s: {"safe": s.devnet.deployment.guardian_safe, "name": "Guardian Safe"},
        near=fault("safe-module", safe="council", what="owner"),
        fault=fault("safe-module", what="owner"),
        cure=over("safe-module"),
    ),
    Case(
        "value_changed",
        lambda s: {
            "contract": s.vault,
            "name": "migration target",
            "function": "migrationTarget() view returns (address)",
        },
        near=set_the_same_target,
        fault=fault("migration-target"),
        cure=over("migration-target"),
    ),
    Case("head_lag", lambda _: {}, near=wait_for_a_head(60), fault=no_more_blocks, cure=blocks_again, again=nothing),
    Case(
        "finality_lag",
        lambda _: {"limit": 10},
        before=only_the_proxy,
        near=stall_two_blocks,
        fault=lambda s: s.mine(),
        cure=over("finality-stalls"),
        again=nothing,
    ),
    Case(
        "reorg_depth",
        lambda _: {"limit": 1, "within": 8},
        near=fault("reorg", depth=1),
        fault=fault("reorg", depth=3),
        cure=lambda s: s.mine(9),
        again=nothing,
    ),
    Case(
        "endpoints_disagree",
        lambda _: {"limit": 5},
        before=second_endpoint,
        near=fault("split-endpoint", behind=5),
        spare=over("split-endpoint"),
        fault=fault("split-endpoint"),
        cure=over("split-endpoint"),
        again=nothing,
    ),
    Case(
        "stuck_transaction",
        lambda _: {"limit": 3},
        before=send_one,
        near=lambda s: s.mine(2),
        fault=lambda s: s.mine(),
        cure=bring_it_home,
        again=nothing,
    ),
    Case(
        "interface_down",
        lambda s: {"url": s.page, "name": "Helix's page", "contains": "Helix", "timeout": 10},
        near=fault("drain"),
        fault=fault("interface-down"),
        cure=over("interface-down"),
        again=nothing,
    ),
    Case(
        "stress_score",
        lambda s: {**s.priced, **s.money, "name": "Helix", "window": 60, "heartbeat": s.feed.heartbeat},
        near=fault("stress", price_percent=-2, flow_percent=5),
        spare=over("stress"),
        fault=fault("stress"),
        cure=over("stress"),
        after=lambda s: s.later(61),
    ),
]


def steady_prices(stage: Stage) -> None:
    """Both sources of the price say what the keeper would say now."""
    rpc = stage.devnet.rpc
    for source in (stage.feed, stage.devnet.deployment.reference(HLX_USD)):
        data = "0x" + calldata("updateAnswer(int256)", prices.price_at(HLX_USD, rpc.timestamp())).hex()
        rpc("eth_sendTransaction", {"from": KEEPER.address, "to": source.address, "data": data, "gas": hex(300_000)})
    rpc("evm_mine")
