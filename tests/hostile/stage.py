"""The world of the corpus: Safes with money and power on a real chain, a protocol with its allow-list, and a thief."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak

from governance.plans.services import create_plan
from governance.proposals.building import as_json, calls_of
from governance.proposals.models import Proposal
from governance.protocols.models import Contract, Power
from governance.protocols.services import allow
from governance.safes.models import Safe
from governance.safes.services import register
from integrations.chain.addresses import checksum
from integrations.devnet.abi import ask, calldata
from integrations.devnet.chain import CAROL, DAN, DEPLOYER, ERIN
from integrations.devnet.safes import DemoSafe
from integrations.safe.contracts import InnerCall, encode_multi_send, exec_transaction_data, multi_send_address
from integrations.safe.hashes import DELEGATECALL, SafeTx, safe_tx_hash
from integrations.safe.signatures import assemble, parse
from ledger.scopes import open_scope
from tests.chain.conftest import Devnet
from tests.chain.helix.world import node
from tests.chain.safes import mined
from tests.governance_world import World, world
from tests.hostile.case import Draft
from tests.hostile.protocol import ALLOWED, HELIX, POWERS, REGISTERED

ETHER, USD, ZERO = 10**18, 10**6, "0x" + "0" * 40
THIEF = "0xBad0000000000000000000000000000000000Bad"
SENTINEL = "0x" + "0" * 39 + "1"
DAY = 24 * 3600
COMPILE = Path(__file__).with_name("compile.mjs")
VERSIONS = {"treasury": "1.4.1", "old": "1.3.0", "new": "1.5.0"}
ADMIN = bytes(32)
OWNERS = (CAROL, DAN, ERIN)


def role(name: str) -> bytes:
    return keccak(name.encode())


@cache
def built() -> dict[str, Any]:
    """Every contract of the corpus, compiled once a session."""
    done = subprocess.run([node(), COMPILE], capture_output=True, check=True, timeout=100)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class Stage:
    """Everything has an attribute by the name of its contract in lower case: `stage.till`, `stage.trojan`."""

    def __init__(self, devnet: Devnet) -> None:
        self.rpc, self.d = devnet.rpc, devnet.deployment
        self.helix: World = world(devnet)
        self.thief_address = checksum(THIEF)
        self.vendor = checksum("0x" + keccak(b"a vendor").hex()[:40])
        self.built = built()
        self.at: dict[str, str] = {}
        self.safes: dict[str, Safe] = {}
        self.rpc("anvil_autoImpersonateAccount", True)
        for address in (self.thief_address, self.d.timelock):
            self.rpc("anvil_setBalance", address, hex(10 * ETHER))
        self._safes()
        self._contracts()
        self._register()
        self._give()
        for _ in range(8):
            self.rpc("evm_mine")
        self._thieves()

    def __getattr__(self, name: str) -> str:
        at: dict[str, str] = self.__dict__.get("at", {})
        if name not in at:
            raise AttributeError(name)
        return at[name]

    # --- making the world

    def _safes(self) -> None:
        owners = tuple(account.address for account in OWNERS)
        made = {
            name: DemoSafe(name, name, version, False, owners, 2, 9_400 + number)
            for number, (name, version) in enumerate(VERSIONS.items())
        }
        made["child"] = DemoSafe("child", "child", "1.4.1", False, (made["treasury"].address,), 1, 9_410)
        make = "createProxyWithNonce(address,bytes,uint256)"
        for name, safe in made.items():
            self.send(safe.factory, make, safe.singleton, safe.initializer, safe.salt, sender=DEPLOYER.address)
            self.at[name] = safe.address
            self.rpc("anvil_setBalance", safe.address, hex(100 * ETHER))

    def _contracts(self) -> None:
        safe = self.treasury
        for name, args, value in (
            ("Plain", (), 0),
            ("Till", (safe, self.vendor), 20 * ETHER),
            ("Purse", (safe,), 20 * ETHER),
            ("Note", (safe,), 0),
            ("Deed", (), 0),
            ("Passport", (), 0),
            ("Thrift", (), 0),
            ("Standing", (), 0),
            ("Diamond", (safe,), 20 * ETHER),
            ("Admin", (safe,), 0),
        ):
            self.deploy(name, *args, value=value)
        self.at["vault"], self.at["usd"], self.at["timelock"] = self.d.vault, self.d.usd, self.d.timelock
        self.at["feed"] = self.d.feeds[0].address
        self.deploy("OldProxy", safe, self.plain, value=20 * ETHER)
        self.deploy("OldProxy", self.admin, self.plain, value=20 * ETHER, called="managed")
        self.deploy("Beacon", safe, self.plain)
        self.deploy("Beaconed", self.beacon, value=20 * ETHER)
        self.deploy("Plain", called="plain2")
        self.at["vault2"] = self._create(self._artifact("HelixVaultV2") + encode(["address"], [self._engine2()]))

    def _artifact(self, name: str) -> bytes:
        from integrations.devnet.helix import artifact_code

        return artifact_code(name)

    def _engine2(self) -> str:
        return self._create(self._artifact("HelixEngineV2"))

    def _thieves(self) -> None:
        self.deploy("Trojan")
        self.deploy("Hollow")
        self.deploy("Lookalike", self.thief_address)
        self.deploy("Locksmith")
        self.deploy("Leech")
        self.deploy("Padlock")
        self.deploy("Pit", self.thief_address)
        self.deploy("Maker")

    def deploy(self, name: str, *args: object, value: int = 0, called: str = "") -> str:
        made = self.built[name]
        inputs = next((one["inputs"] for one in made["abi"] if one["type"] == "constructor"), [])
        arguments = encode([one["type"] for one in inputs], args)
        address = self._create(bytes.fromhex(made["bytecode"]) + arguments, value)
        self.at[called or name.lower()] = address
        return address

    def _create(self, code: bytes, value: int = 0) -> str:
        message = {"from": DEPLOYER.address, "data": "0x" + code.hex(), "value": hex(value), "gas": hex(15_000_000)}
        receipt = mined(self.rpc, message)
        assert receipt["status"] == "0x1"
        return checksum(receipt["contractAddress"])

    def _register(self) -> None:
        """Contracts, Safes, powers and the allow-list, as a protocol's people would set them up."""
        chain, protocol = self.helix.chain, self.helix.protocol
        type(chain).objects.update(block_time=86_400)  # a week is seven blocks here
        chain.refresh_from_db()
        for name, (artifact, kind) in REGISTERED.items():
            hidden = [one for one in self.built[artifact]["abi"] if one.get("name") != "skim"]
            self._contract(name, hidden, kind)
        for name, artifact, kind in HELIX:
            self._contract(name, _abi(artifact), kind)
        for name in ("treasury", "old", "new", "child"):
            self.safes[name] = register(
                chain=chain, address=self.at[name], label=f"{name} Safe", protocol=protocol, actor="user:1"
            )
        self._powers()
        for name, functions in ALLOWED.items():
            allow(
                protocol=protocol,
                chain=chain,
                address=self.at[name],
                label=name,
                functions=functions,
                actor="user:1",
            )
        allow(protocol=protocol, chain=chain, address=self.vendor, label="the vendor", actor="user:1")

    def _contract(self, name: str, abi: list[dict[str, Any]], kind: str) -> None:
        Contract.objects.create(
            protocol=self.helix.protocol,
            chain=self.helix.chain,
            address=self.at[name],
            name=name,
            role=kind,
            abi=abi,
            code_hash="0x" + keccak(self.rpc.code(self.at[name])).hex(),
        )

    def _powers(self) -> None:
        for number, (name, function, holder) in enumerate(POWERS):
            Power.objects.create(
                protocol=self.helix.protocol,
                contract=Contract.objects.get(address=self.at[name]),
                slug=f"power-{number}",
                title=function,
                function=function,
                holder=self.at[holder],
            )

    def _give(self) -> None:
        """Money, and more power than is good: the Safe is proposer of the timelock, and was left some roles."""
        for name in VERSIONS:
            self.send(self.usd, "mint(address,uint256)", self.at[name], 50_000 * USD, sender=DEPLOYER.address)
            self.send(self.note, "mint(address,uint256)", self.at[name], 50_000)
        self.send(self.deed, "mint(address,uint256)", self.treasury, 7)
        self.send(self.usd, "approve(address,uint256)", self.passport, 2**256 - 1, sender=self.treasury)
        self.send(self.usd, "approve(address,uint256)", self.vault, 20_000 * USD, sender=self.treasury)
        self.send(self.vault, "deposit(uint256)", 20_000 * USD, sender=self.treasury)
        self.send(self.note, "approve(address,uint256)", self.treasury, 50_000, sender=self.old)
        self.send(self.usd, "grantRole(bytes32,address)", ADMIN, self.treasury, sender=DEPLOYER.address)
        self.send(self.usd, "grantRole(bytes32,address)", role("MINTER_ROLE"), self.treasury, sender=DEPLOYER.address)
        for what in ("PROPOSER_ROLE", "CANCELLER_ROLE"):
            self.send(self.timelock, "grantRole(bytes32,address)", role(what), self.treasury, sender=self.timelock)
        for what in (ADMIN, role("UPGRADER_ROLE"), role("GUARDIAN_ROLE")):
            self.send(self.vault, "grantRole(bytes32,address)", what, self.treasury, sender=self.timelock)

    # --- transactions of whoever it is

    def send(self, to: str, signature: str = "", *args: object, sender: str = "", value: int = 0) -> None:
        """A transaction of the thief, or of whoever is named; it must go through."""
        data = calldata(signature, *args) if signature else b""
        assert self._sent(to, data, sender or self.thief_address, value), f"{signature or 'a transfer'} to {to} failed"

    def _sent(self, to: str, data: bytes, sender: str, value: int = 0) -> bool:
        message = {"from": sender, "to": to, "data": "0x" + data.hex(), "value": hex(value), "gas": hex(12_000_000)}
        message |= {"maxFeePerGas": hex(100 * 10**9), "maxPriorityFeePerGas": hex(10**9)}
        return bool(mined(self.rpc, message)["status"] == "0x1")

    def wait(self, seconds: int) -> None:
        self.rpc("evm_increaseTime", seconds)
        self.rpc("evm_mine")

    def ask(self, to: str, signature: str, *args: object, returns: str) -> Any:
        return ask(self.rpc, to, signature, *args, returns=returns)[0]

    # --- drafts

    def call(self, to: str, signature: str = "", *args: object, value: int = 0, **more: Any) -> Draft:
        return Draft(to, calldata(signature, *args) if signature else b"", value, **more)

    def delegate(self, to: str, signature: str, *args: object, **more: Any) -> Draft:
        return Draft(to, calldata(signature, *args), operation=DELEGATECALL, **more)

    def batch(self, *drafts: Draft, **more: Any) -> Draft:
        calls = [InnerCall(one.to, one.value, one.data) for one in drafts]
        version = VERSIONS.get(more.get("safe", "treasury"), "1.4.1")
        return Draft(multi_send_address(version), encode_multi_send(calls), operation=DELEGATECALL, **more)

    def scheduled(self, *drafts: Draft, delay: int = 600) -> Draft:
        """Through the timelock: one call, or several."""
        words = (bytes(32), bytes(32), delay)
        if len(drafts) == 1:
            one = drafts[0]
            return self.call(
                self.timelock,
                "schedule(address,uint256,bytes,bytes32,bytes32,uint256)",
                *(one.to, one.value, one.data, *words),
            )
        lists = [one.to for one in drafts], [one.value for one in drafts], [one.data for one in drafts]
        return self.call(
            self.timelock, "scheduleBatch(address[],uint256[],bytes[],bytes32,bytes32,uint256)", *lists, *words
        )

    def run_scheduled(self, *drafts: Draft) -> None:
        """Anybody executes what has waited long enough."""
        self.wait(601)
        if len(drafts) == 1:
            one = drafts[0]
            args: tuple[object, ...] = (one.to, one.value, one.data)
            signature = "execute(address,uint256,bytes,bytes32,bytes32)"
        else:
            args = [one.to for one in drafts], [one.value for one in drafts], [one.data for one in drafts]
            signature = "executeBatch(address[],uint256[],bytes[],bytes32,bytes32)"
        self.send(self.timelock, signature, *args, bytes(32), bytes(32))

    def nested(self, draft: Draft) -> Draft:
        """The child Safe's transaction, executed by its owner, the treasury: being the sender is its signature."""
        tx = self.safe_tx(draft, self.child, "1.4.1")
        signature = bytes(12) + bytes.fromhex(self.treasury[2:]) + bytes(32) + b"\x01"
        return Draft(self.child, exec_transaction_data(tx, signature))

    # --- what becomes of a draft

    def safe_tx(self, draft: Draft, safe: str = "", version: str = "") -> SafeTx:
        safe = safe or self.at[draft.safe]
        nonce = draft.nonce if draft.nonce is not None else self.ask(safe, "nonce()", returns="uint256")
        return SafeTx(
            chain_id=self.d.chain_id,
            safe=safe,
            version=version or VERSIONS.get(draft.safe, "1.4.1"),
            to=draft.to,
            value=draft.value,
            data=draft.data,
            operation=draft.operation,
            nonce=nonce,
            **draft.gas,
        )

    def propose(self, draft: Draft) -> Proposal:
        """As a row that came in from outside: no service of ours would have built most of these."""
        tx, safe = self.safe_tx(draft), self.safes[draft.safe]
        type(safe.chain).objects.update(kind=draft.chain_kind)
        safe.refresh_from_db()
        calls = calls_of(tx)
        plan = self._plan(draft, as_json(calls or [])) if draft.environment else None
        return Proposal.objects.create(
            safe=safe,
            scope=open_scope(kind="proposal", title="a case", actor="user:1"),
            plan=plan,
            step_id="act" if plan else "",
            status="signing",
            title="a case",
            calls=as_json(calls) if calls else [],
            chain_id=tx.chain_id,
            version=tx.version,
            to=tx.to,
            value=tx.value,
            data=tx.data,
            operation=tx.operation,
            safe_tx_gas=tx.safe_tx_gas,
            base_gas=tx.base_gas,
            gas_price=tx.gas_price,
            gas_token=tx.gas_token,
            refund_receiver=tx.refund_receiver,
            nonce=tx.nonce,
            safe_tx_hash=safe_tx_hash(tx),
            created_by="user:1",
        )

    def _plan(self, draft: Draft, calls: list[dict[str, str]]) -> Any:
        where = {"chain_id": self.d.chain_id, "address": self.at[draft.safe]}
        params = {"safe": where, "calls": calls if draft.plan_calls is None else draft.plan_calls}
        document = {
            "kind": "playbook",
            "environment": draft.environment,
            "chains": [self.d.chain_id],
            "steps": [{"id": "act", "type": "safe", "params": params}],
        }
        scope = open_scope(kind="incident", title="a case", actor="user:1")
        return create_plan(document=document, scope=scope, actor="user:1")

    def pass_nonces(self, tx: SafeTx) -> None:
        """Weeks later: other transactions have come first, nobody's heart beats, and what is unclaimed is claimed."""
        nonce = self.ask(tx.safe, "nonce()", returns="uint256")
        if tx.nonce == nonce:
            return
        while self.ask(tx.safe, "nonce()", returns="uint256") < tx.nonce:
            assert self.force(self.safe_tx(self.call(tx.safe)))
        self.wait(31 * DAY)
        self.send(self.till, "inherit()")

    def stranger(self, number: int) -> Any:
        """Somebody with a key whom nobody here knows."""
        return Account.from_key(keccak(b"stranger" + bytes([number])))

    def last_owner(self) -> Any:
        (address,) = self.ask(self.treasury, "getOwners()", returns="address[]")
        return next(account for account in OWNERS if account.address.lower() == address.lower())

    def raw(self, to: str, data: bytes) -> None:
        """The thief sends these bytes; they must go through."""
        assert self._sent(to, data, self.thief_address)

    def force(self, tx: SafeTx, by: Any = (CAROL, ERIN)) -> bool:
        """The owners sign it, whatever any finding says, and the thief sends it."""
        digest = bytes.fromhex(tx.hash[2:])
        signed = [Account.unsafe_sign_hash(digest, one.key) for one in by]
        blob = assemble([parse(bytes(one.signature), tx.hash) for one in signed])
        return self._sent(tx.safe, exec_transaction_data(tx, blob), self.thief_address)


def _abi(name: str) -> Any:
    from integrations.devnet.anvil import ROOT

    return json.loads((ROOT / "integrations/devnet/artifacts" / f"{name}.json").read_bytes())["abi"]
