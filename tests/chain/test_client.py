"""The client over endpoints that lie, lag, hang up, answer garbage, or serve another chain."""

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest

from integrations.chain.client import Client, Disagreement, RpcRefused, RpcUnavailable
from integrations.chain.transport import Transport
from integrations.devnet.anvil import Anvil
from integrations.devnet.chain import CHAIN_ID, KEYS
from integrations.devnet.proxy import (
    Error,
    Garbage,
    HangUp,
    HttpError,
    Lag,
    RateLimit,
    Rewrite,
    RpcProxy,
    Stall,
    Truncate,
)
from tests.chain.safes import client_of

WHO = KEYS[1].address


@pytest.fixture
def bad(anvil: Anvil) -> Iterator[RpcProxy]:
    with RpcProxy(anvil.url) as proxy:
        yield proxy


@pytest.fixture
def good(anvil: Anvil) -> Iterator[RpcProxy]:
    with RpcProxy(anvil.url) as proxy:
        yield proxy


def sends(proxy: RpcProxy, method: str) -> int:
    return sum(1 for seen in proxy.journal() if seen.method == method)


FAULTS = [
    HangUp(methods=("eth_getBalance",)),
    HangUp(methods=("eth_getBalance",), when="after"),
    HttpError(methods=("eth_getBalance",), status=503),
    HttpError(methods=("eth_getBalance",), status=429),
    RateLimit(methods=("eth_getBalance",), limit=0),
    Garbage(methods=("eth_getBalance",)),
    Truncate(methods=("eth_getBalance",)),
    Stall(methods=("eth_getBalance",), seconds=3),
    Error(methods=("eth_getBalance",), code=-32005, message="limit exceeded"),
    Error(methods=("eth_getBalance",), code=-32601, message="method not found"),
    Rewrite(methods=("eth_chainId",), path="result", value="0x1"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: f"{one.kind}-{getattr(one, 'code', '')}")
def test_a_read_goes_to_the_next_endpoint(fault: object, bad: RpcProxy, good: RpcProxy) -> None:
    bad.add(fault)  # type: ignore[arg-type]  # one of the union
    client = client_of(bad.url, good.url, timeout=0.5)
    assert client.balance(WHO) == 10_000 * 10**18
    assert sends(good, "eth_getBalance") == 1


@pytest.mark.parametrize("fault", FAULTS[:8], ids=lambda one: one.kind)
def test_with_nobody_left_it_is_unavailable_and_says_who_failed_how(fault: object, bad: RpcProxy) -> None:
    bad.add(fault)  # type: ignore[arg-type]
    client = client_of(bad.url, timeout=0.5)
    with pytest.raises(RpcUnavailable) as failed:
        client.balance(WHO)
    assert list(failed.value.reasons) == list(client.names)


def test_an_endpoint_of_another_chain_is_never_used(anvil: Anvil, good: RpcProxy) -> None:
    wrong = Transport(good.url, 1)
    with pytest.raises(RpcUnavailable, match=f"serves chain {CHAIN_ID}, not 1"):
        Client(1, [wrong]).balance(WHO)
    assert sends(good, "eth_getBalance") == 0


def test_a_failing_endpoint_rests_and_comes_back(bad: RpcProxy, good: RpcProxy) -> None:
    bad.add(Stall(seconds=3, when="before"))
    client = client_of(bad.url, good.url, timeout=0.3)
    for _ in range(2):
        client.balance(WHO)
    asked = len(bad.journal())
    started = time.monotonic()
    for _ in range(5):
        client.balance(WHO)
    assert len(bad.journal()) == asked  # the breaker is open: no time is lost on it
    assert time.monotonic() - started < 0.3
    problem, _ = client.health()[client.names[0]]
    assert "no answer" in problem
    bad.clear()
    client._transports[0].health.closed_until = 0.0  # its rest is over
    client.balance(WHO)
    assert len(bad.journal()) > asked
    assert client.health()[client.names[0]][0] == ""


def test_a_resting_endpoint_is_still_tried_before_giving_up(bad: RpcProxy) -> None:
    bad.add(HangUp(times=4))
    client = client_of(bad.url)
    for _ in range(2):
        with pytest.raises(RpcUnavailable):
            client.balance(WHO)
    assert client.resting
    assert client.balance(WHO) > 0


def test_a_revert_is_an_answer_not_a_failure(anvil: Anvil, bad: RpcProxy, good: RpcProxy) -> None:
    # PUSH1 42, PUSH0, MSTORE; revert with that word
    anvil.rpc("anvil_setCode", "0x" + "77" * 20, "0x602a5f5260205ffd")
    client = client_of(bad.url, good.url)
    with pytest.raises(RpcRefused) as refused:
        client.call("0x" + "77" * 20, b"")
    assert refused.value.reverted
    assert int.from_bytes(refused.value.data) == 42
    assert not good.journal()


def test_a_batch_keeps_its_order_and_each_refusal_its_place(anvil: Anvil) -> None:
    answers = client_of(anvil.url).batch(
        [("eth_getBalance", [WHO, "latest"]), ("eth_nonsense", []), ("eth_chainId", [])]
    )
    assert int(answers[0], 16) == 10_000 * 10**18
    assert isinstance(answers[1], RpcRefused)
    assert int(answers[2], 16) == CHAIN_ID


def test_an_answer_that_is_too_large_is_not_read(anvil: Anvil, monkeypatch: pytest.MonkeyPatch) -> None:
    from integrations.chain import transport

    anvil.rpc("anvil_setCode", "0x" + "78" * 20, "0x" + "00" * 24_000)
    client = client_of(anvil.url)
    assert len(client.code("0x" + "78" * 20)) == 24_000
    monkeypatch.setattr(transport, "MAX_RESPONSE", 10_000)
    with pytest.raises(RpcUnavailable, match="larger than"):
        client.code("0x" + "78" * 20)


@pytest.mark.parametrize(
    "value",
    [None, 5, "12", "0xzz", [], {}, ""],
)
def test_an_answer_of_another_shape_is_no_answer(bad: RpcProxy, value: object) -> None:
    bad.add(Rewrite(methods=("eth_getBalance",), path="result", value=value))  # type: ignore[arg-type]
    with pytest.raises(RpcUnavailable):
        client_of(bad.url).balance(WHO)


# --- agreement


def test_two_equal_answers_outvote_a_lie(anvil: Anvil, bad: RpcProxy, good: RpcProxy) -> None:
    bad.add(Rewrite(methods=("eth_getBalance",), path="result", value="0x1"))
    with pytest.raises(Disagreement) as split:
        client_of(bad.url, good.url).agreed(lambda one: one.balance(WHO))
    assert set(split.value.answers) == {one.removeprefix("http://") for one in (bad.url, good.url)}
    found = client_of(bad.url, good.url, anvil.url).agreement(lambda one: one.balance(WHO))
    assert found.value == 10_000 * 10**18
    assert (len(found.by), found.alone, list(found.dissent.values())) == (2, False, ["1"])


def test_one_endpoint_alone_is_believed_and_said_to_be_alone(anvil: Anvil) -> None:
    found = client_of(anvil.url).agreement(lambda one: one.balance(WHO))
    assert (found.alone, found.value) == (True, 10_000 * 10**18)


def test_a_silent_second_endpoint_is_not_a_second_voice(bad: RpcProxy, good: RpcProxy) -> None:
    bad.add(HangUp())
    with pytest.raises(RpcUnavailable, match="disable the dead ones"):
        client_of(bad.url, good.url).agreed(lambda one: one.balance(WHO))


def test_a_lagging_endpoint_does_not_break_agreement_on_a_common_block(
    anvil: Anvil, bad: RpcProxy, good: RpcProxy
) -> None:
    anvil.rpc("anvil_mine", "0xa")
    bad.add(Lag(blocks=3))
    client = client_of(bad.url, good.url)
    at = client.common_block()
    assert at.number == anvil.rpc.block_number() - 3
    assert client.agreed(lambda one: one.balance(WHO, at.hash)) == 10_000 * 10**18


# --- sending


def test_a_broadcast_goes_to_every_endpoint_and_is_never_repeated_elsewhere(bad: RpcProxy, good: RpcProxy) -> None:
    bad.add(Error(methods=("eth_sendRawTransaction",), message="nonce too low"))
    answers = client_of(bad.url, good.url).broadcast(b"\x02\xc0")
    assert len(answers) == 2
    assert all(isinstance(answer, Exception) for answer in answers.values())
    assert sends(bad, "eth_sendRawTransaction") == sends(good, "eth_sendRawTransaction") == 1


def test_threads_share_a_client(anvil: Anvil) -> None:
    client = client_of(anvil.url)
    found: list[int] = []

    def work() -> None:
        found.extend(client.balance(KEYS[i % 10].address) for i in range(30))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [10_000 * 10**18] * 240


def test_a_providers_key_shows_nowhere(anvil: Anvil, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with contextlib.suppress(RpcUnavailable):
        Client(CHAIN_ID, [Transport(anvil.url + "/v3/topsecretkey", CHAIN_ID)]).balance(WHO)
    assert "topsecret" not in caplog.text
    transport = Transport("https://user:hunter2@rpc.invalid/v3/topsecretkey", CHAIN_ID, timeout=0.5)
    client = Client(CHAIN_ID, [transport])
    with pytest.raises(RpcUnavailable) as failed:
        client.balance(WHO)
    shown = f"{failed.value!r} {failed.value} {failed.value.reasons} {transport!r} {client!r} {client.health()}"
    assert "hunter2" not in shown
    assert "topsecret" not in shown
