"""Helix on an Anvil of its own: deployed once, driven by plain calls, with reverts that can be asked for by name."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from eth_abi.abi import decode
from eth_keys.datatypes import PrivateKey
from eth_utils.abi import collapse_if_tuple
from eth_utils.crypto import keccak
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import ContractCustomError
from web3.types import TxReceipt

from integrations.devnet.anvil import ROOT, Anvil
from integrations.devnet.orders import FillTuple, Order, OrderDomain, address_of

USD = 10**6
UNIT = 10**18
PRICE = 10**8
HOUR = 3600
DAY = 24 * HOUR
HEARTBEAT = HOUR
PAUSE = 2 * DAY
GRACE = 30 * 60
Refusal = ContractCustomError
ZERO = "0x" + 40 * "0"
PERPETUAL, CALL, PUT = range(3)
NORMAL, REDUCE_ONLY, WITHDRAW_ONLY, HALTED = range(4)
RISK = (1_000, 500, 1_000, 200)  # initial, maintenance, band, penalty in basis points


def node() -> str:
    """The machine's Node, or the one that the virtual environment carries where there is none."""
    beside_python = Path(sys.executable).with_name("node")
    found = shutil.which("node") or (str(beside_python) if beside_python.exists() else None)
    assert found, "Node is missing: run `make test`, which brings one"
    return found


def artifact(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "integrations/devnet/artifacts" / f"{name}.json").read_text())


def error_types() -> dict[bytes, tuple[str, list[str]]]:
    """Selector -> name and argument types, over every artifact."""
    found = {}
    for path in (ROOT / "integrations/devnet/artifacts").glob("*.json"):
        for entry in json.loads(path.read_text())["abi"]:
            if entry["type"] == "error":
                types = [collapse_if_tuple(item) for item in entry["inputs"]]
                found[keccak(text=f"{entry['name']}({','.join(types)})")[:4]] = (entry["name"], types)
    return found


@dataclass
class Revert:
    """What a refused call said."""

    name: str = ""
    args: tuple[Any, ...] = ()


@dataclass
class World:
    w3: Web3
    admin: str
    guardian: str
    upgrader: str
    migrator: str
    keeper: str
    usd: Contract
    eth: Contract
    btc: Contract
    vault: Contract
    engine: str
    implementation: str
    errors: dict[bytes, tuple[str, list[str]]] = field(default_factory=error_types)
    salt: int = 0

    # --- the chain ---------------------------------------------------------------------------

    @property
    def now(self) -> int:
        return int(self.w3.eth.get_block("latest")["timestamp"])

    def rpc(self, method: str, *params: object) -> Any:
        answer = self.w3.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer.get("result")

    def travel(self, seconds: int) -> None:
        self.travel_to(self.now + seconds)

    def travel_to(self, timestamp: int) -> None:
        self.rpc("evm_setNextBlockTimestamp", timestamp)
        self.rpc("evm_mine")

    def at_next(self, timestamp: int) -> None:
        """The next transaction's block has this time."""
        self.rpc("evm_setNextBlockTimestamp", timestamp)

    def send(self, call: Any, sender: str) -> TxReceipt:
        """Sends after a dry run, so that a refusal has its reason."""
        call.call({"from": sender})
        tx = call.transact({"from": sender, "gas": 30_000_000, "gasPrice": 0})
        receipt = self.w3.eth.wait_for_transaction_receipt(tx, timeout=20, poll_latency=0.005)
        assert receipt["status"] == 1, receipt
        return receipt

    @contextmanager
    def refused(self, name: str) -> Iterator[Revert]:
        revert = Revert()
        try:
            yield revert
        except Refusal as refusal:
            revert.name, revert.args = self.decoded(refusal)
            assert revert.name == name, f"{revert.name}{revert.args}, not {name}"
        else:
            raise AssertionError(f"nothing refused; {name} was expected")

    def decoded(self, refusal: Refusal) -> tuple[str, tuple[Any, ...]]:
        data = bytes.fromhex(str(refusal.data).removeprefix("0x"))
        name, types = self.errors[data[:4]]
        return name, decode(types, data[4:])

    def named(self, refusal: Refusal) -> str:
        return self.decoded(refusal)[0]

    def deploy(self, name: str, *args: object) -> Contract:
        return deploy(self.w3, self.admin, name, *args)

    # --- Helix -------------------------------------------------------------------------------

    @property
    def domain(self) -> OrderDomain:
        return OrderDomain(self.w3.eth.chain_id, self.vault.address)

    def set_price(self, price: float, feed: Contract | None = None) -> None:
        self.send((feed or self.eth).functions.updateAnswer(round(price * PRICE)), self.keeper)

    def trader(self, number: int, collateral: int = 0) -> "Trader":
        key = PrivateKey(keccak(text=f"helix trader {number}"))
        trader = Trader(self, key, address_of(key))
        self.rpc("anvil_setBalance", trader.address, hex(10**18))
        if collateral:
            self.fund([trader], collateral)
        return trader

    def fund(self, traders: list["Trader"], amount: int) -> None:
        self.send(self.usd.functions.mint(self.admin, amount * len(traders)), self.admin)
        addresses = [trader.address for trader in traders]
        self.send(self.vault.functions.batchDepositFor(addresses, [amount] * len(traders)), self.admin)

    def add_market(
        self, kind: int, strike: int = 0, expiry: int = 0, feed: Contract | None = None, risk: tuple[int, ...] = RISK
    ) -> int:
        params = ("ETH-TEST", kind, (feed or self.eth).address, strike * PRICE, expiry, *risk)
        number = int(self.vault.functions.marketCount().call())
        self.send(self.vault.functions.addMarket(params), self.admin)
        return number

    def fill(
        self, market: int, long: "Trader", short: "Trader", size: int, price: int, *, reduce_only: bool = False
    ) -> FillTuple:
        self.salt += 1
        signed: list[Any] = []
        for trader, is_long in ((long, True), (short, False)):
            order = Order(
                trader.address, market, is_long, reduce_only, size, price, self.now + 10 * DAY, trader.epoch, self.salt
            )
            signed += [order.as_tuple(), order.sign(self.domain, trader.key)]
        return (*signed, size, price)

    def trade(self, market: int, long: "Trader", short: "Trader", size: float, price: float) -> TxReceipt:
        fill = self.fill(market, long, short, round(size * 10**6) * 10**12, round(price * PRICE))
        return self.match([fill])

    def match(self, fills: list[FillTuple]) -> TxReceipt:
        return self.send(self.vault.functions.matchTrades(fills), self.keeper)

    def at(self, address: str, abi: Any = None) -> Contract:
        """The vault's interface (or another) at some other address."""
        return self.w3.eth.contract(address=Web3.to_checksum_address(address), abi=abi or self.vault.abi)

    def second_vault(self) -> Contract:
        """Another vault of the same code and people, empty."""
        roles = (self.admin, self.guardian, self.upgrader, self.migrator, self.keeper)
        init = self.vault.encode_abi("initialize", [self.usd.address, roles, PAUSE, GRACE])
        proxy = self.deploy("ERC1967Proxy", self.implementation, init)
        return self.at(proxy.address)

    def solvency(self) -> dict[str, int]:
        names = ("assets", "equity", "insurance", "liabilities", "surplus", "badDebt")
        return dict(zip(names, self.vault.functions.solvency().call(), strict=True))


@dataclass
class Trader:
    world: World
    key: PrivateKey
    address: str

    @property
    def epoch(self) -> int:
        return int(self.world.vault.functions.accountOf(self.address).call()[2])

    @property
    def collateral(self) -> int:
        return int(self.world.vault.functions.collateralOf(self.address).call())

    @property
    def equity(self) -> int:
        return self.margin[0]

    @property
    def margin(self) -> tuple[int, int, int]:
        equity, initial, maintenance = self.world.vault.functions.marginOf(self.address).call()
        return equity, initial, maintenance

    @property
    def withdrawable(self) -> int:
        return int(self.world.vault.functions.withdrawable(self.address).call())

    def size(self, market: int) -> int:
        return int(self.world.vault.functions.positionOf(self.address, market).call()[0])

    def send(self, call: Any) -> TxReceipt:
        return self.world.send(call, self.address)

    def withdraw(self, amount: int) -> TxReceipt:
        return self.send(self.world.vault.functions.withdraw(amount, self.address))

    def liquidate(self, victim: "Trader", market: int, size: int) -> TxReceipt:
        return self.send(self.world.vault.functions.liquidate(victim.address, market, size))


def deploy(w3: Web3, sender: str, name: str, *args: object) -> Contract:
    built = artifact(name)
    factory = w3.eth.contract(abi=built["abi"], bytecode=built["bytecode"])
    factory.constructor(*args).estimate_gas({"from": sender})  # says why, where it is refused
    tx = factory.constructor(*args).transact({"from": sender, "gas": 20_000_000, "gasPrice": 0})
    receipt = w3.eth.wait_for_transaction_receipt(tx, timeout=20, poll_latency=0.005)
    assert receipt["status"] == 1
    return w3.eth.contract(address=receipt["contractAddress"], abi=built["abi"])


def connected(url: str) -> Web3:
    """Without what costs more than the calls: a search for proxies, and asking for the chain id before each of them."""
    session = requests.Session()
    session.trust_env = False
    w3 = Web3(Web3.HTTPProvider(url, session=session))
    w3.middleware_onion.remove("validation")
    return w3


def build(anvil: Anvil) -> World:
    """Token, two feeds, engine, vault behind its proxy, and one perpetual on each feed."""
    w3 = connected(anvil.url)
    anvil.rpc("anvil_autoImpersonateAccount", True)
    anvil.rpc("anvil_setNextBlockBaseFeePerGas", "0x0")
    admin, guardian, upgrader, migrator, keeper = w3.eth.accounts[:5]
    usd = deploy(w3, admin, "HelixUSD", admin)
    eth = deploy(w3, admin, "HelixFeed", "ETH / USD", 8, HEARTBEAT, 2_000 * PRICE, admin, keeper)
    btc = deploy(w3, admin, "HelixFeed", "BTC / USD", 8, HEARTBEAT, 60_000 * PRICE, admin, keeper)
    engine = deploy(w3, admin, "HelixEngine")
    implementation = deploy(w3, admin, "HelixVault", engine.address)
    init = implementation.encode_abi(
        "initialize", [usd.address, (admin, guardian, upgrader, migrator, keeper), PAUSE, GRACE]
    )
    proxy = deploy(w3, admin, "ERC1967Proxy", implementation.address, init)
    vault = w3.eth.contract(address=proxy.address, abi=artifact("HelixVault")["abi"])
    world = World(
        w3=w3,
        admin=admin,
        guardian=guardian,
        upgrader=upgrader,
        migrator=migrator,
        keeper=keeper,
        usd=usd,
        eth=eth,
        btc=btc,
        vault=vault,
        engine=engine.address,
        implementation=implementation.address,
    )
    world.send(usd.functions.approve(vault.address, 2**256 - 1), admin)
    world.add_market(PERPETUAL)
    world.add_market(PERPETUAL, feed=btc)
    return world
