"""The fault-injecting proxy against a real node: each fault is what it says, and the node's part is as it says."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account

from integrations.devnet.anvil import Anvil
from integrations.devnet.chain import CHAIN_ID, KEYS
from integrations.devnet.proxy import (
    Error,
    Garbage,
    HangUp,
    HttpError,
    Lag,
    Latency,
    RateLimit,
    Rewrite,
    RpcProxy,
    Split,
    Stall,
    Truncate,
    already_known,
    nonce_too_low,
)
from integrations.devnet.rpc import Rpc, RpcDown, RpcError


@pytest.fixture
def proxy(anvil: Anvil) -> Iterator[RpcProxy]:
    with RpcProxy(anvil.url) as running:
        yield running


@pytest.fixture
def rpc(proxy: RpcProxy) -> Iterator[Rpc]:
    client = Rpc(proxy.url, timeout=5)
    yield client
    client.close()


def _raw(nonce: int) -> tuple[str, str]:
    signed = Account.sign_transaction(
        {
            "chainId": CHAIN_ID,
            "nonce": nonce,
            "to": KEYS[1].address,
            "value": 1,
            "gas": 21_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 10**9,
        },
        KEYS[5].key,
    )
    return "0x" + signed.raw_transaction.hex().removeprefix("0x"), "0x" + signed.hash.hex().removeprefix("0x")


def _control(proxy: RpcProxy, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=5)
    connection.request(method, f"/_control/{path}", json.dumps(body) if body is not None else None)
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def test_passes_everything_through_when_nothing_is_wrong(anvil: Anvil, proxy: RpcProxy, rpc: Rpc) -> None:
    assert rpc.chain_id() == CHAIN_ID
    assert rpc.batch([("eth_chainId", []), ("eth_blockNumber", [])]) == [hex(CHAIN_ID), hex(anvil.rpc.block_number())]
    with pytest.raises(RpcError, match=r"(?i)not found|not implemented|unknown"):
        rpc("eth_noSuchMethod")
    assert [seen.method for seen in proxy.journal()] == [
        "eth_chainId",
        "eth_chainId",
        "eth_blockNumber",
        "eth_noSuchMethod",
    ]
    assert all(seen.forwarded for seen in proxy.journal())


def test_latency_is_felt_only_by_the_methods_it_names(proxy: RpcProxy, rpc: Rpc) -> None:
    proxy.add(Latency(methods=("eth_chainId",), seconds=1))
    started = time.monotonic()
    rpc.block_number()
    assert time.monotonic() - started < 0.9
    started = time.monotonic()
    rpc.chain_id()
    assert time.monotonic() - started >= 1


def test_hanging_up_after_accepting_leaves_the_transaction_on_the_chain(
    anvil: Anvil, proxy: RpcProxy, rpc: Rpc
) -> None:
    raw, tx_hash = _raw(anvil.rpc.nonce(KEYS[5].address))
    proxy.add(HangUp(methods=("eth_sendRawTransaction",), when="after", times=1))
    with pytest.raises(RpcDown):
        rpc("eth_sendRawTransaction", raw)
    anvil.rpc("evm_mine")
    assert anvil.rpc("eth_getTransactionReceipt", tx_hash)["status"] == "0x1"
    with pytest.raises(RpcError, match=r"(?i)nonce too low|already"):
        rpc("eth_sendRawTransaction", raw)


def test_hanging_up_before_leaves_nothing(anvil: Anvil, proxy: RpcProxy, rpc: Rpc) -> None:
    nonce = anvil.rpc.nonce(KEYS[5].address)
    proxy.add(HangUp(methods=("eth_sendRawTransaction",), when="before"))
    with pytest.raises(RpcDown):
        rpc("eth_sendRawTransaction", _raw(nonce)[0])
    assert anvil.rpc.nonce(KEYS[5].address) == nonce
    assert not any(seen.forwarded for seen in proxy.journal("eth_sendRawTransaction"))


def test_a_stall_does_the_work_and_never_answers(anvil: Anvil, proxy: RpcProxy) -> None:
    raw, tx_hash = _raw(anvil.rpc.nonce(KEYS[5].address))
    proxy.add(Stall(methods=("eth_sendRawTransaction",)))
    impatient = Rpc(proxy.url, timeout=0.4)
    started = time.monotonic()
    with pytest.raises(RpcDown, match="timed out"):
        impatient("eth_sendRawTransaction", raw)
    assert time.monotonic() - started < 10
    anvil.rpc("evm_mine")
    assert anvil.rpc("eth_getTransactionReceipt", tx_hash) is not None


@pytest.mark.parametrize("status", [500, 503, 429])
def test_http_errors(proxy: RpcProxy, rpc: Rpc, status: int) -> None:
    proxy.add(HttpError(status=status, times=1))
    with pytest.raises(RpcDown, match=str(status)):
        rpc.chain_id()
    assert rpc.chain_id() == CHAIN_ID


def test_the_rate_limit_lets_so_many_through_and_recovers(proxy: RpcProxy, rpc: Rpc) -> None:
    proxy.add(RateLimit(limit=3, window=2))
    assert [rpc.chain_id() for _ in range(3)] == [CHAIN_ID] * 3
    with pytest.raises(RpcDown, match="429"):
        rpc.chain_id()
    time.sleep(2.1)
    assert rpc.chain_id() == CHAIN_ID


def test_lies_about_what_it_was_told_to_lie_about(anvil: Anvil, proxy: RpcProxy, rpc: Rpc) -> None:
    one, other = KEYS[1].address, KEYS[2].address
    proxy.add(Rewrite(methods=("eth_getBalance",), where={"params.0": one.lower()}, path="result", value="0x0"))
    proxy.add(Rewrite(methods=("eth_getBlockByNumber",), path="result.hash", value="0x" + "66" * 32))
    assert rpc("eth_getBalance", one, "latest") == "0x0"
    assert rpc("eth_getBalance", other, "latest") == anvil.rpc("eth_getBalance", other, "latest") != "0x0"
    block = rpc("eth_getBlockByNumber", "latest", False)
    assert block["hash"] == "0x" + "66" * 32
    assert block["number"] == hex(anvil.rpc.block_number())


def test_a_lagging_node_knows_nothing_of_the_last_blocks(anvil: Anvil, proxy: RpcProxy, rpc: Rpc) -> None:
    for _ in range(3):
        anvil.rpc("evm_mine")
    receiver = "0x" + "dd" * 20
    tx_hash = anvil.rpc("eth_sendTransaction", {"from": KEYS[6].address, "to": receiver, "value": "0x5"})
    anvil.rpc("evm_mine")
    head = anvil.rpc.block_number()
    proxy.add(Lag(blocks=2))
    assert rpc.block_number() == head - 2
    assert int(rpc("eth_getBlockByNumber", "latest", False)["number"], 16) == head - 2
    assert rpc("eth_getBlockByNumber", hex(head), False) is None
    assert rpc("eth_getBalance", receiver, "latest") == "0x0"
    assert rpc("eth_getTransactionReceipt", tx_hash) is None
    assert rpc("eth_getTransactionByHash", tx_hash)["blockHash"] is None
    assert rpc("eth_getLogs", {"fromBlock": hex(head), "toBlock": "latest"}) == []
    with pytest.raises(RpcError, match="header not found"):
        rpc("eth_getBalance", receiver, hex(head))
    proxy.clear()
    assert rpc("eth_getBalance", receiver, "latest") == "0x5"


def test_a_split_sends_some_methods_to_another_node(anvil: Anvil, proxy: RpcProxy, rpc: Rpc) -> None:
    with Anvil(mining="auto", chain_id=4243) as elsewhere:
        elsewhere.rpc("evm_mine")
        proxy.add(Split(methods=("eth_blockNumber",), upstream=elsewhere.url))
        assert rpc.block_number() == 1
        assert rpc.chain_id() == CHAIN_ID
    with pytest.raises(RpcDown, match="502"):
        rpc.block_number()


def test_garbage_and_cut_answers(proxy: RpcProxy, rpc: Rpc) -> None:
    proxy.add(Garbage(times=1))
    with pytest.raises(RpcDown, match="without JSON"):
        rpc.chain_id()
    proxy.add(Truncate(times=1))
    with pytest.raises(RpcDown, match="IncompleteRead"):
        rpc.chain_id()
    assert rpc.chain_id() == CHAIN_ID


def test_the_answers_nodes_give_to_a_second_sending(anvil: Anvil, proxy: RpcProxy, rpc: Rpc) -> None:
    raw, tx_hash = _raw(anvil.rpc.nonce(KEYS[5].address))
    proxy.add(already_known(times=1))
    with pytest.raises(RpcError, match="already known"):
        rpc("eth_sendRawTransaction", raw)
    anvil.rpc("evm_mine")
    assert anvil.rpc("eth_getTransactionReceipt", tx_hash)["status"] == "0x1"
    before = anvil.rpc.nonce(KEYS[5].address)
    proxy.add(nonce_too_low(times=1))
    with pytest.raises(RpcError, match="nonce too low"):
        rpc("eth_sendRawTransaction", _raw(before)[0])
    assert anvil.rpc.nonce(KEYS[5].address) == before


def test_skip_and_times_count_only_the_calls_concerned(proxy: RpcProxy, rpc: Rpc) -> None:
    proxy.add(Error(methods=("eth_chainId",), skip=1, times=1, message="now and never again", data={"why": 1}))
    rpc.block_number()
    assert rpc.chain_id() == CHAIN_ID
    with pytest.raises(RpcError, match="now and never") as caught:
        rpc.chain_id()
    assert caught.value.data == {"why": 1}
    assert rpc.chain_id() == CHAIN_ID


def test_the_control_endpoint(proxy: RpcProxy, rpc: Rpc) -> None:
    status, added = _control(proxy, "POST", "faults", {"kind": "http_error", "status": 503, "methods": ["eth_chainId"]})
    assert status == 200
    with pytest.raises(RpcDown, match="503"):
        rpc.chain_id()
    (listed,) = _control(proxy, "GET", "faults")[1]
    assert (listed["id"], listed["kind"], listed["met"]) == (added["id"], "http_error", 1)
    assert _control(proxy, "DELETE", f"faults/{added['id']}")[0] == 200
    assert _control(proxy, "DELETE", f"faults/{added['id']}")[0] == 404
    assert rpc.chain_id() == CHAIN_ID
    journal = _control(proxy, "GET", "journal")[1]
    assert [(row[0], row[2], row[3]) for row in journal] == [
        ("eth_chainId", ["http_error"], False),
        ("eth_chainId", [], True),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "earthquake"},
        {"kind": "latency"},
        {"kind": "latency", "seconds": -1},
        {"kind": "split", "upstream": "http://example.org:80"},
        {"kind": "rewrite", "path": "id", "value": 1},
        {"kind": "lag", "blocks": 1, "surprise": True},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(proxy: RpcProxy, bad: dict[str, Any]) -> None:
    status, answer = _control(proxy, "POST", "faults", bad)
    assert status == 422
    assert answer["errors"]
    assert _control(proxy, "GET", "faults")[1] == []


def test_nonsense_on_the_wire_is_answered_or_dropped(proxy: RpcProxy, rpc: Rpc) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as wire:
        wire.sendall(b"hello\r\n\r\n")
        assert wire.recv(1000).startswith(b"HTTP/1.1 400")
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=5)
    for body, code in ((b"{", -32700), (b"[]", -32600), (b"[1]", -32600)):
        connection.request("POST", "/", body)
        assert json.loads(connection.getresponse().read())["error"]["code"] == code
    connection.close()
    assert rpc.chain_id() == CHAIN_ID


def test_a_taken_port_is_an_error(proxy: RpcProxy) -> None:
    with pytest.raises(RuntimeError, match=str(proxy.port)):
        RpcProxy(proxy.upstream, port=proxy.port).start()
