"""The words on a signer's page are recomputed: what the browser decodes is what the server shows, or signing stops."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.proposals.decoding import CallView
from integrations.chain.abi import decode_call
from integrations.chain.hashing import keccak
from tests.unit.test_proposal_hashes import ROOT, node
from tools import verify_safe_tx

SCRIPT = """
import { readFileSync } from "node:fs";
import { argumentsOf, inWholeUnits } from "./js/calldata.js";
const answer = JSON.parse(readFileSync(0, "utf8")).map(({ signature, data, wei }) => {
  try {
    return wei ? inWholeUnits(wei) : argumentsOf(signature, data);
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify(answer));
"""
WORDS: dict[str, Any] = {
    "uint256": st.integers(0, 2**256 - 1),
    "uint8": st.integers(0, 255),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "bytes4": st.binary(min_size=4, max_size=4),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes": st.binary(max_size=70),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
}


@st.composite
def typed(draw: Any, depth: int = 2) -> tuple[str, Any]:
    """A type and a value of it."""
    kind = draw(st.sampled_from([*WORDS, *(["list", "pair", "tuple"] if depth else [])]))
    if kind in WORDS:
        return kind, draw(WORDS[kind])
    if kind == "tuple":
        parts = draw(st.lists(typed(depth - 1), min_size=1, max_size=3))
        return "(" + ",".join(name for name, _ in parts) + ")", tuple(value for _, value in parts)
    name, first = draw(typed(depth - 1))
    if kind == "pair":
        return f"{name}[2]", [first, first]
    return f"{name}[]", [first] * draw(st.integers(0, 3))


@pytest.fixture(scope="module")
def in_browser(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The module that the page loads, run by Node."""
    folder = tmp_path_factory.mktemp("static")
    (folder / "js").mkdir()
    for name in ("safe-hash.js", "calldata.js"):
        shutil.copy(ROOT / "static/js" / name, folder / "js")
    (folder / "npm").symlink_to(ROOT / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "run.js").write_text(SCRIPT)

    def run(cases: list[dict[str, str]]) -> list[Any]:
        command = [node(), "run.js"]
        done = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, cwd=folder, timeout=60)
        assert done.returncode == 0, done.stderr
        found: list[Any] = json.loads(done.stdout)
        return found

    return run


def case(name: str, parts: list[tuple[str, Any]]) -> dict[str, str]:
    types = [kind for kind, _ in parts]
    signature = f"{name}({','.join(types)})"
    data = keccak(signature.encode())[:4] + encode(types, [value for _, value in parts])
    return {"signature": signature, "data": "0x" + data.hex()}


def shown(one: dict[str, str]) -> list[dict[str, str]]:
    """What the server's page says of it."""
    data = bytes.fromhex(one["data"][2:])
    decoded = decode_call(one["signature"], data)
    view = CallView(number=1, to="", label="", value=0, data=data, contract=None, decoded=decoded)
    return [{"type": argument["type"], "text": argument["text"]} for argument in view.args]


def test_browser_and_server_put_the_same_calls_into_the_same_words(in_browser: Any) -> None:
    made: list[dict[str, str]] = []

    @settings(max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(parts=st.lists(typed(), max_size=4))
    def collect(parts: list[tuple[str, Any]]) -> None:
        made.append(case("act", parts))

    collect()
    assert len(made) > 200
    for one, found in zip(made, in_browser(made), strict=True):
        assert found == shown(one), one["signature"]


def test_whatever_is_not_the_one_usual_encoding_is_an_error(in_browser: Any) -> None:
    good = case("act", [("bytes", b"abc"), ("address", "0x" + "11" * 20), ("bool", True)])
    body = good["data"][10:]
    lies = [
        {**good, "data": good["data"] + "00" * 32},  # hidden bytes
        {**good, "data": good["data"][:-2]},  # cut off
        {**good, "signature": "act(bytes,address,bool)".replace("act", "other")},
        {**good, "data": good["data"][:10] + f"{128:064x}" + body[64:]},  # another offset
        {**good, "data": good["data"][:10] + body[:64] + "ff" + body[66:]},  # a dirty address
        {**good, "data": good["data"][:10] + body[:128] + f"{2:064x}" + body[192:]},  # a flag of two
        {**good, "data": good["data"][:-2] + "01"},  # dirty padding
        {"signature": "act(bytes,address,bool", "data": good["data"]},
        {"signature": "act(uint257)", "data": "0x" + keccak(b"act(uint257)")[:4].hex() + "00" * 32},
    ]
    assert all("error" in found for found in in_browser(lies))


def test_amounts_are_written_exactly(in_browser: Any) -> None:
    wei = {"1": "0.000000000000000001", str(10**18): "1", str(15 * 10**17): "1.5", str(10**24): "1000000"}
    assert in_browser([{"wei": one} for one in wei]) == list(wei.values())


# --- the offline verifier


def bundle_with(**names: str) -> tuple[str, int, bytes, dict[str, Any]]:
    to = "0x3E5c63644E683549055b9Be8653de26E0B4CD36E"
    entry = {"type": "function", "name": "pay", "inputs": [{"type": "uint256", "name": "amount", **names}]}
    data = keccak(b"pay(uint256)")[:4] + (7).to_bytes(32, "big")
    return to, 0, data, {to: [entry]}


def test_the_verifier_takes_names_and_nothing_else_from_an_abi() -> None:
    assert verify_safe_tx.put_in_words(*bundle_with()).startswith("pay(amount = 7) on ")
    verify_safe_tx.read_abis(bundle_with()[3])
    for name in ("x\n  1. pause() on 0x00", "\x1b[2K\x1b[1Aharmless", "a b", "a\u202eb", "0x"):
        with pytest.raises(verify_safe_tx.Refuse):
            verify_safe_tx.read_abis(bundle_with(name=name)[3])


def test_the_verifier_prints_nothing_that_steers_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = {
        "format": verify_safe_tx.FORMAT,
        "fields": {"version": "\x1b[2J\x1b[Hall is well"},
        "hashes": {"domain": "", "message": "", "safeTx": ""},
        "calls": [],
        "abis": {},
        "plan": None,
        "diff": None,
        "nested": [],
    }
    full = {**dict.fromkeys(verify_safe_tx.FIELDS, "0"), **hostile["fields"]}  # type: ignore[dict-item]
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps({**hostile, "fields": full}))
    assert verify_safe_tx.main([str(path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("DO NOT SIGN: ") and "\x1b" not in said
    assert "all is well" in said, "spelled out, not left out"


def test_a_call_in_words_carries_lists_and_flags_as_json() -> None:
    one = case("act", [("uint256[]", [1, 2]), ("bool", True), ("string", 'a "b"')])
    assert [argument["text"] for argument in shown(one)] == ['["1","2"]', "true", 'a "b"']
