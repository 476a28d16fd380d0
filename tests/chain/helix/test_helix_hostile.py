"""Tokens, wallets and vaults that do not behave."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak
from web3.contract import Contract

from integrations.devnet.orders import Order
from tests.chain.helix.world import DAY, GRACE, HALTED, PAUSE, PRICE, UNIT, USD, ZERO, World, node

COMPILE = Path(__file__).parent / "hostile/compile.mjs"
Built = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def hostile() -> Built:
    done = subprocess.run([node(), str(COMPILE)], capture_output=True, text=True, timeout=120, check=True)
    built: Built = json.loads(done.stdout)
    return built


def make(helix: World, built: dict[str, Any], *args: object) -> Contract:
    factory = helix.w3.eth.contract(abi=built["abi"], bytecode=built["bytecode"])
    tx = factory.constructor(*args).transact({"from": helix.admin, "gas": 5_000_000, "gasPrice": 0})
    receipt = helix.w3.eth.wait_for_transaction_receipt(tx, timeout=20, poll_latency=0.005)
    return helix.at(receipt["contractAddress"], built["abi"])


def vault_of(helix: World, token: Contract) -> Contract:
    roles = (helix.admin, helix.guardian, helix.upgrader, helix.migrator, helix.keeper)
    init = helix.vault.encode_abi("initialize", [token.address, roles, PAUSE, GRACE])
    vault = helix.at(helix.deploy("ERC1967Proxy", helix.implementation, init).address)
    helix.send(token.functions.mint(helix.admin, 1_000 * USD), helix.admin)
    helix.send(token.functions.approve(vault.address, 2**256 - 1), helix.admin)
    return vault


def test_a_token_that_takes_a_fee_is_refused(helix: World, hostile: Built) -> None:
    token = make(helix, hostile["FeeToken"])
    vault = vault_of(helix, token)
    helix.send(vault.functions.deposit(100 * USD), helix.admin)
    helix.send(token.functions.setGreedy(True), helix.admin)
    for call in (vault.functions.deposit(100 * USD), vault.functions.fundInsurance(100 * USD)):
        with helix.refused("TransferMismatch") as said:
            helix.send(call, helix.admin)
        assert said.args == (100 * USD, 99 * USD)


def test_a_vault_begins_with_a_proper_token_and_an_admin(helix: World) -> None:
    roles = (helix.admin, helix.guardian, helix.upgrader, helix.migrator, helix.keeper)
    nobody = (ZERO, *roles[1:])
    for token, people, error in (
        (helix.eth.address, roles, "InvalidParameter"),  # a feed has 8 decimals
        (helix.usd.address, nobody, "ZeroAddress"),
    ):
        init = helix.vault.encode_abi("initialize", [token, people, PAUSE, GRACE])
        with helix.refused(error):
            helix.deploy("ERC1967Proxy", helix.implementation, init)


def test_withdrawing_from_within_a_withdrawal_is_refused(helix: World, hostile: Built) -> None:
    token = make(helix, hostile["CallingToken"])
    vault = vault_of(helix, token)
    thief = make(helix, hostile["Thief"], vault.address, token.address)
    helix.send(vault.functions.deposit(500 * USD), helix.admin)
    helix.send(token.functions.mint(thief.address, 100 * USD), helix.admin)
    helix.send(thief.functions.deposit(100 * USD), helix.admin)
    helix.errors[keccak(text="Refused(bytes)")[:4]] = ("Refused", ["bytes"])
    with helix.refused("Refused") as said:
        helix.send(thief.functions.steal(50 * USD), helix.admin)
    assert said.args == (keccak(text="ReentrancyGuardReentrantCall()")[:4],)
    assert vault.functions.collateralOf(thief.address).call() == 100 * USD


def test_a_contract_account_can_trade_by_its_own_signature(helix: World, hostile: Built) -> None:
    wallet, bob = make(helix, hostile["Wallet"]), helix.trader(2, 1_000 * USD)
    helix.send(helix.usd.functions.mint(helix.admin, 1_000 * USD), helix.admin)
    helix.send(helix.vault.functions.depositFor(wallet.address, 1_000 * USD), helix.admin)
    theirs = Order(wallet.address, 0, True, False, UNIT, 2_000 * PRICE, helix.now + DAY, 0, 1)
    ours = helix.fill(0, bob, bob, UNIT, 2_000 * PRICE)
    fill = (theirs.as_tuple(), b"anything", *ours[2:])
    with helix.refused("OrderSignature"):
        helix.match([fill])
    helix.send(wallet.functions.approve(theirs.digest(helix.domain)), helix.admin)
    helix.match([fill])
    assert helix.vault.functions.positionOf(wallet.address, 0).call()[0] == UNIT


def test_a_migration_target_that_takes_too_little_is_refused(helix: World, hostile: Built) -> None:
    alice, target = helix.trader(1, 100 * USD), make(helix, hostile["BadTarget"])
    f = helix.vault.functions
    helix.send(f.setMigrationTarget(target.address), helix.admin)
    helix.send(f.setMode(HALTED), helix.guardian)
    with helix.refused("TransferMismatch"):
        helix.send(f.migrateCollateral([alice.address]), helix.migrator)
    assert alice.collateral == 100 * USD


def test_the_faucet_gives_once_an_hour(helix: World) -> None:
    alice = helix.trader(1)
    faucet = helix.usd.functions.faucet
    alice.send(faucet())
    with helix.refused("FaucetTooSoon") as said:
        alice.send(faucet())
    assert said.args == (helix.now + 3600,)
    helix.travel(3600)
    alice.send(faucet())
    assert helix.usd.functions.balanceOf(alice.address).call() == 20_000 * USD
    with helix.refused("AccessControlUnauthorizedAccount"):
        alice.send(helix.usd.functions.mint(alice.address, 1))
