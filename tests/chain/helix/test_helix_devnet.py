"""The demo's Helix, as everyone else meets it: two hundred accounts, balanced and whole."""

from web3 import Web3

from tests.chain.conftest import Devnet
from tests.chain.helix.book import compare, rebuild
from tests.chain.helix.world import artifact, connected


def test_the_demo_is_whole_and_can_be_rebuilt_from_its_events(devnet: Devnet) -> None:
    w3 = connected(devnet.url)
    vault = w3.eth.contract(
        address=Web3.to_checksum_address(devnet.deployment.vault), abi=artifact("HelixVault")["abi"]
    )
    book = rebuild(w3, vault)
    assert len(book.known) >= 200
    assert len({side.size > 0 for side in book.positions.values()}) == 2
    compare(book, w3, vault)
    assert vault.functions.openInterestImbalance().call() == 0
    surplus = vault.functions.solvency().call()[4]
    assert 0 <= surplus < len(book.positions) * 10, "whole, but for rounding"
