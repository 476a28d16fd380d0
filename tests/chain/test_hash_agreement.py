"""Five times the same hash: server, page, sign.html, offline verifier and the Safe's own getTransactionHash."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from integrations.chain.abi import encode_call
from integrations.devnet.chain import CHAIN_ID
from integrations.devnet.rpc import Rpc
from integrations.safe.hashes import SUPPORTED, SafeTx, domain_separator, message_hash, safe_tx_hash, typed_data
from tests.chain.conftest import Devnet
from tests.chain.safes import accounts, make_safe
from tests.offline import in_page_modules, in_sign_html
from tests.safe_txs import NUMBER, generated
from tests.unit.test_proposal_hashes import raw_of
from tools import verify_safe_tx

GET_HASH = (
    "getTransactionHash(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, "
    "uint256 gasPrice, address gasToken, address refundReceiver, uint256 _nonce)"
)
DOMAIN = "domainSeparator()"
BATCH = 250


def on_chain(rpc: Rpc, txs: list[SafeTx]) -> list[str]:
    """What each transaction's own Safe says its hash is."""
    calls: list[Any] = []
    for tx in txs:
        gas = [tx.safe_tx_gas, tx.base_gas, tx.gas_price, tx.gas_token, tx.refund_receiver, tx.nonce]
        data = encode_call(GET_HASH, "", [tx.to, tx.value, tx.data, tx.operation, *gas])
        calls.append(("eth_call", [{"to": tx.safe, "data": "0x" + bytes(data).hex()}, "latest"]))
    return [answer for at in range(0, len(calls), BATCH) for answer in rpc.batch(calls[at : at + BATCH])]


@pytest.mark.parametrize("version", SUPPORTED)
def test_everybody_agrees_on_a_thousand_transactions(version: str, devnet: Devnet, tmp_path: Path) -> None:
    owner = accounts(1)[0].address
    safes = [make_safe(devnet.rpc, version, [owner], 1, layer2=layer2) for layer2 in (False, True)]
    made = generated(version)
    txs = [replace(tx, chain_id=CHAIN_ID, safe=safes[index % 2]) for index, tx in enumerate(made)]
    assert len({tx.hash for tx in txs}) == NUMBER == 1_000
    raws = [raw_of(tx) for tx in txs]
    asked = [("safe-hash.js", "hashes", raw) for raw in raws]
    page, file = in_page_modules(asked, tmp_path), in_sign_html(asked, tmp_path)
    for tx, raw, contract, seen, offline in zip(txs, raws, on_chain(devnet.rpc, txs), page, file, strict=True):
        ours = {"domain": domain_separator(tx), "message": message_hash(tx), "safeTx": safe_tx_hash(tx)}
        assert ours["safeTx"] == contract
        assert seen == offline == {"found": ours}
        assert verify_safe_tx.hashes(verify_safe_tx.read_fields(raw)) == ours


def test_the_domain_is_the_contracts_own(devnet: Devnet) -> None:
    for version in SUPPORTED:
        safe = make_safe(devnet.rpc, version, [accounts(1)[0].address], 1)
        tx = SafeTx(CHAIN_ID, safe, version, safe)
        assert "0x" + devnet.rpc.call(safe, bytes(encode_call(DOMAIN, "", []))).hex() == domain_separator(tx)


def test_what_a_wallet_is_asked_is_the_same_from_page_file_and_server(tmp_path: Path) -> None:
    txs = [tx for version in SUPPORTED for tx in generated(version, 40)]
    asked = [("safe-hash.js", "typedData", raw_of(tx)) for tx in txs]
    wanted = [{"found": typed_data(tx)} for tx in txs]
    assert in_page_modules(asked, tmp_path) == in_sign_html(asked, tmp_path) == wanted
