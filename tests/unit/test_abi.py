"""ABI encoding and decoding against eth_abi and web3's selectors, and what strictness refuses."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.chain import abi
from integrations.chain.abi_types import parse_signature, to_json
from ledger.errors import Invalid

VAULT: list[dict[str, Any]] = [
    {"type": "function", "name": "pause", "inputs": [], "outputs": [], "stateMutability": "nonpayable"},
    {
        "type": "function",
        "name": "deposit",
        "inputs": [{"name": "amount", "type": "uint256"}],
        "outputs": [{"name": "", "type": "bool"}],
    },
    {
        "type": "function",
        "name": "deposit",
        "inputs": [{"name": "amount", "type": "uint256"}, {"name": "to", "type": "address"}],
        "outputs": [],
    },
    {
        "type": "function",
        "name": "settle",
        "inputs": [
            {
                "name": "fills",
                "type": "tuple[]",
                "components": [{"name": "who", "type": "address"}, {"name": "size", "type": "int128"}],
            }
        ],
        "outputs": [],
    },
    {"type": "error", "name": "Paused", "inputs": [{"name": "until", "type": "uint64"}]},
    {
        "type": "event",
        "name": "Deposited",
        "inputs": [
            {"name": "who", "type": "address", "indexed": True},
            {"name": "note", "type": "string", "indexed": True},
            {"name": "amount", "type": "uint256", "indexed": False},
        ],
    },
]
SOMEONE = "0xd9Db270c1B5E3Bd161E8c8503c55cEABeE709552"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("pause()", "pause()"),
        ("function transfer(address to, uint amount) external returns (bool)", "transfer(address,uint256)"),
        ("f((address to, bytes data)[] calls, uint8[2][] x)", "f((address,bytes)[],uint8[2][])"),
        ("latestRoundData() view returns (uint80 id, int256, uint256, uint256, uint80)", "latestRoundData()"),
        (
            "event Transfer(address indexed from, address indexed to, uint256 value)",
            "Transfer(address,address,uint256)",
        ),
        ("error Paused(uint64 until);", "Paused(uint64)"),
    ],
)
def test_signatures_as_people_write_them(text: str, canonical: str) -> None:
    function = parse_signature(text)
    assert function.signature == canonical
    assert function.selector == function_signature_to_4byte_selector(canonical)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pause",
        "pause(",
        "pause(()",
        "f(uint7)",
        "f(bytes33)",
        "f(uint256 a b)",
        "f(uint256) gibberish",
        "1f()",
        "f(" + "(" * 20 + "uint256" + ")" * 20 + ")",
        "f(adress)",
        "x" * 5000 + "()",
        "f(uint256,)",
    ],
)
def test_what_is_no_signature(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_signature(text)
    assert refused.value.field == "function"


def test_encoding_by_name_by_signature_and_with_names() -> None:
    assert abi.encode_call(VAULT, "pause", []) == abi.selector("pause()")
    one = abi.encode_call(VAULT, "deposit(uint256)", ["5"])
    assert one == abi.selector("deposit(uint256)") + encode(["uint256"], [5])
    fills = [{"who": SOMEONE, "size": "-3"}, [SOMEONE.lower(), 4]]
    data = abi.encode_call(VAULT, "settle", {"fills": fills})
    assert data[4:] == encode(["(address,int128)[]"], [[(SOMEONE, -3), (SOMEONE, 4)]])
    call = abi.decode_call(VAULT, data)
    assert call.as_json()["args"] == [
        {"name": "fills", "type": "(address,int128)[]", "value": [[SOMEONE, "-3"], [SOMEONE, "4"]]}
    ]
    with pytest.raises(Invalid, match="ambiguous"):
        abi.encode_call(VAULT, "deposit", [5])
    with pytest.raises(Invalid, match="no function"):
        abi.encode_call(VAULT, "drain", [])


@pytest.mark.parametrize(
    ("signature", "args", "where"),
    [
        ("f(uint8 x)", [256], "x"),
        ("f(uint8 x)", [-1], "x"),
        ("f(uint256 x)", [1.5], "x"),
        ("f(uint256 x)", [True], "x"),
        ("f(uint256 x)", ["1e18"], "x"),
        ("f(int8 x)", [128], "x"),
        ("f(address x)", ["0x12"], "x"),
        ("f(bool x)", [1], "x"),
        ("f(bytes4 x)", ["0x112233"], "x"),
        ("f(bytes x)", ["zz"], "x"),
        ("f(string x)", [b"x"], "x"),
        ("f(uint256[2] x)", [[1]], "x"),
        ("f(uint256[] x)", [[1, "q"]], "x[1]"),
        ("f((address who, uint256 n) p)", [{"who": SOMEONE}], "p"),
        ("f((address who, uint256 n) p)", [[SOMEONE, -1]], "p.n"),
        ("f(uint256 x)", [], "args"),
        ("f(uint256 x)", {"y": 1}, "args"),
        ("f(uint256 x)", "1", "args"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(signature: str, args: Any, where: str) -> None:
    with pytest.raises(Invalid) as refused:
        abi.encode_call(signature, "", args)
    assert refused.value.field == where
    assert refused.value.hint


def test_bytes_behind_the_arguments_are_reported() -> None:
    data = abi.encode_call(VAULT, "deposit(uint256)", [5])
    assert abi.decode_call(VAULT, data).canonical
    hidden = abi.decode_call(VAULT, data + b"\xde\xad")
    assert (hidden.trailing, hidden.canonical) == (b"\xde\xad", False)


def test_an_encoding_that_is_not_the_canonical_one_is_reported() -> None:
    # the same value, its bytes placed one word further than needed
    data = abi.selector("f(bytes)") + (64).to_bytes(32) + bytes(32) + (1).to_bytes(32) + b"\xaa".ljust(32, b"\0")
    call = abi.decode_call("f(bytes x)", data)
    assert call.args[0].value == b"\xaa"
    assert not call.canonical


@pytest.mark.parametrize(
    "data",
    ["0x", "0x8456cb", "0xdeadbeef", "0xb6b55f25", "0xb6b55f25" + "00" * 31, "0xb6b55f25zz", "0x" + "00" * 300_000],
)
def test_what_does_not_decode(data: str) -> None:
    with pytest.raises(Invalid):
        abi.decode_call(VAULT, data)


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_no_bytes_at_all_break_the_decoder(data: bytes) -> None:
    try:
        abi.decode_call("f((address,bytes[])[] a, string b)", abi.selector("f((address,bytes[])[],string)") + data)
    except Invalid as error:
        assert error.field


def test_outputs() -> None:
    text = "latestRoundData() view returns (uint80, int256 answer, uint256, uint256, uint80)"
    values = (1, -5, 2, 3, 2**80 - 1)
    data = encode(["uint80", "int256", "uint256", "uint256", "uint80"], values)
    assert abi.decode_output(text, "latestRoundData", data) == values
    assert to_json(values) == ["1", "-5", "2", "3", str(2**80 - 1)]
    with pytest.raises(Invalid):
        abi.decode_output(text, "", b"")


def test_reasons_of_reverts() -> None:
    assert abi.decode_revert(b"") == "reverted without a reason"
    assert abi.decode_revert(abi.encode_call("Error(string)", "", ["stale price"])) == "stale price"
    assert abi.decode_revert(abi.encode_call("Panic(uint256)", "", [0x11])).endswith("overflow or underflow")
    custom = abi.encode_call("Paused(uint64)", "", [7])
    assert abi.decode_revert(custom, VAULT) == "Paused(until 7)"
    assert custom[:4].hex() in abi.decode_revert(custom)
    assert abi.decode_revert(custom[:7], VAULT).startswith("reverted with 0x")


def test_logs() -> None:
    topics = [
        bytes.fromhex(abi.event_topic(VAULT, "Deposited")[2:]),
        bytes.fromhex(SOMEONE[2:]).rjust(32, b"\0"),
        b"\x07" * 32,
    ]
    name, args = abi.decode_log(VAULT, topics, encode(["uint256"], [9]))
    assert name == "Deposited"
    assert [one.value for one in args] == [SOMEONE, b"\x07" * 32, 9]
    with pytest.raises(Invalid):
        abi.decode_log(VAULT, topics[:2], encode(["uint256"], [9]))


def test_the_words_of_a_revert_can_be_stored() -> None:
    """A contract may write a NUL, which PostgreSQL refuses."""
    data = abi.selector("Error(string)") + encode(["string"], ["no\x00pe"])
    assert abi.decode_revert(data) == "no\ufffdpe"
