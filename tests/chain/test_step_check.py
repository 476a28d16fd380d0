"""Checks of real contracts and real HTTP servers: every condition is told with every value, at one block."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from integrations.chain.models import Chain
from integrations.devnet.anvil import Anvil
from runbooks.plans.context import PlanContext
from runbooks.steps import STEPS, Again, Asked, Failed, Finished, Output
from runbooks.steps.check import Check, look
from tests.chain.conftest import Devnet
from tests.chain.transactions import make_chain
from tests.receiver import Receiver, answer, hang_up, receiver
from work import leases

pytestmark = pytest.mark.django_db(transaction=True)
ECHO = "0x" + "e0" * 20
# answers two words: 42 and its own address
ECHO_CODE = "0x602a5f52306020525f60405260405ff3"
REVERTS = "0x" + "4e" * 20


@pytest.fixture(autouse=True)
def quiet_heart() -> Iterator[None]:
    leases.Heart.BEAT = 0.1
    yield
    while leases.HEART._thread is not None:
        threading.Event().wait(0.02)


@pytest.fixture
def chain(anvil: Anvil) -> Chain:
    anvil.rpc("anvil_setCode", ECHO, ECHO_CODE)
    anvil.rpc("anvil_setCode", REVERTS, "0x5f5ffd")
    return make_chain(anvil.url)


@pytest.fixture
def there(settings: Any) -> Iterator[Receiver]:
    with receiver() as made:
        settings.OUTGOING_ALLOW = [made.place]
        yield made


def params(**config: Any) -> dict[str, Any]:
    parsed = Check.Config.model_validate(config)
    return STEPS["check"].resolve(Asked(config=parsed, inputs={}, context=PlanContext()))


def read(call: str, address: str = ECHO, chain_id: int = 731337) -> dict[str, Any]:
    return {"on": {"chain_id": chain_id, "address": address, "name": "Echo"}, "call": call}


def test_all_invariants_are_told_with_their_values_not_only_the_first_that_breaks(chain: Chain) -> None:
    checked = look(
        params(
            reads={"number": read("n() returns (uint256)"), "both": read("b() returns (uint64 n, address self)")},
            that="number == 42",
            invariants={"small": "number < 10", "large": "number > 100", "mine": "both.n == 42"},
        ),
        "live",
    )
    assert isinstance(checked, Again)
    assert "number is 42" in checked.reason and "both is (n 42, self 0xe0" in checked.reason.lower()
    assert "small (number < 10)" in checked.reason and "large (number > 100)" in checked.reason
    assert "mine" not in checked.reason.partition("wanted:")[2]
    told = {one["name"]: one["holds"] for one in checked.output["invariants"]}
    assert told == {"that": True, "large": False, "mine": True, "small": False}


def test_what_holds_names_the_block_and_yields_typed_values(chain: Chain, anvil: Anvil) -> None:
    config = {
        "reads": {"number": read("n() returns (uint256)"), "both": read("b() returns (uint64 n, address self)")},
        "invariants": {"right": "number == 42"},
    }
    checked = look(params(**config), "live")
    assert isinstance(checked, Finished) and checked.proof.startswith("right holds: ")
    block = str(int(anvil.rpc("eth_blockNumber"), 16))
    assert f"at block {block}" in checked.proof
    typed = {name: checked.output[name] for name in ("number", "both_n", "both_self", "block")}
    assert typed == {"number": "42", "both_n": "42", "both_self": "0x" + "e0" * 20, "block": block} or (
        typed["both_self"].lower() == ECHO
    )
    assert STEPS["check"].outputs(Check.Config.model_validate(config)) == {
        "block": Output("uint256"),
        "number": Output("uint256", minimum=0, maximum=2**256 - 1),
        "both_n": Output("uint256", minimum=0, maximum=2**64 - 1),
        "both_self": Output("address"),
    }


def test_a_call_that_reverts_is_told_beside_the_others_and_tried_again(chain: Chain) -> None:
    reads = {"number": read("n() returns (uint256)"), "gone": read("g() returns (uint256)", REVERTS)}
    checked = look(params(reads=reads, invariants={"a": "number == 42", "b": "gone == 1"}), "live")
    assert isinstance(checked, Again)
    assert "gone reverted (" in checked.reason and "number is 42" in checked.reason


def test_a_contract_of_another_shape_fails_for_good(chain: Chain) -> None:
    for call, address in (("n() returns (uint256[])", ECHO), ("n() returns (uint256)", "0x" + "99" * 20)):
        checked = look(params(reads={"n": read(call, address)}, that="n == 1"), "live")
        assert isinstance(checked, Failed) and "is it the right contract?" in checked.reason


def test_a_condition_that_cannot_be_told_fails_and_names_it(chain: Chain) -> None:
    reads = {"number": read("n() returns (uint256)")}
    conditions = {"a": "1 // (number - number) == 1", "b": "1 if number > 5 else true"}
    checked = look(params(reads=reads, invariants=conditions), "live")
    assert isinstance(checked, Failed)
    assert "division by zero" in checked.reason and "else true: it is neither true nor false" in checked.reason


def test_bytes_are_compared_as_people_write_them(chain: Chain) -> None:
    """A role, a root, an implementation's slot."""
    word = f"0x{42:064x}"
    checked = look(params(reads={"word": read("h() returns (bytes32)")}, that=f"word == '{word}'"), "live")
    assert isinstance(checked, Finished) and checked.output["word"] == word


def test_endpoints_that_disagree_prove_nothing(chain: Chain, anvil: Anvil) -> None:
    with Anvil(mining="auto") as liar:
        liar.rpc("anvil_setCode", ECHO, ECHO_CODE.replace("602a", "602b"))
        chain.endpoints.create(url=liar.url, priority=5, timeout=2)
        checked = look(params(reads={"number": read("n() returns (uint256)")}, that="number == 42"), "live")
    assert isinstance(checked, Again) and checked.reason.startswith("the chain's endpoints")


def test_a_dead_chain_is_tried_again_and_an_unknown_one_is_not(chain: Chain) -> None:
    chain.endpoints.update(url="http://127.0.0.1:9/")
    reads = {"n": read("n() returns (uint256)")}
    checked = look(params(reads=reads, that="n == 42"), "live")
    assert isinstance(checked, Again) and "no usable answer" in checked.reason
    checked = look(params(reads={"n": read("n() returns (uint256)", chain_id=5)}, that="n == 42"), "live")
    assert isinstance(checked, Failed) and "chain 5 is not set up here" in checked.reason


def test_a_drill_reads_no_live_chain(chain: Chain) -> None:
    Chain.objects.update(kind="live")
    checked = look(params(reads={"n": read("n() returns (uint256)")}, that="n == 42"), "drill")
    assert isinstance(checked, Failed) and "cannot be reached from a drill" in checked.reason


def test_a_feed_yields_its_answer(devnet: Devnet) -> None:
    make_chain(devnet.url)
    feed = devnet.deployment.feeds[0]
    place = {"chain_id": 731337, "address": feed.address, "name": feed.name}
    config = {"feed": place, "is": "fresh", "heartbeat": "1h"}
    checked = look(params(**config), "live")
    assert isinstance(checked, Finished) and int(checked.output["answer"]) > 0
    assert set(STEPS["check"].outputs(Check.Config.model_validate(config))) <= set(checked.output)


def test_http_values_stand_beside_contract_reads(chain: Chain, there: Receiver) -> None:
    there.otherwise = answer(200, {"data": {"price": 42, "state": "ok"}})
    http = {
        "url": there.url,
        "extract": {
            "price": {"path": "data.price", "type": "uint256"},
            "state": {"path": "data.state", "type": "text"},
        },
    }
    both = params(
        http=http,
        reads={"number": read("n() returns (uint256)")},
        that='price == number and state == "ok" and code == 200',
    )
    checked = look(both, "live")
    assert isinstance(checked, Finished) and checked.output["price"] == "42" and checked.output["number"] == "42"
    there.otherwise = answer(200, {"data": {"price": 41, "state": "ok"}})
    checked = look(both, "live")
    assert isinstance(checked, Again) and "price is 41" in checked.reason


@pytest.mark.parametrize(
    "behaviour", [hang_up, answer(503, b"busy"), answer(200, b"no json"), answer(200, {})], ids=range(4)
)
def test_an_http_answer_that_is_none_is_tried_again(there: Receiver, behaviour: Any) -> None:
    there.otherwise = behaviour
    config = {"url": there.url, "extract": {"price": {"path": "price", "type": "uint256"}}}
    assert isinstance(look(params(http=config, that="price > 0"), "live"), Again)


def test_a_status_alone_is_a_check(there: Receiver, settings: Any) -> None:
    checked = look(params(http={"url": there.url, "status": 200}), "live")
    assert isinstance(checked, Finished) and checked.proof == "code is 200"
    there.otherwise = answer(500, b"")
    assert isinstance(look(params(http={"url": there.url, "status": 200}), "live"), Again)
    settings.OUTGOING_ALLOW = []
    forbidden = look(params(http={"url": there.url.replace("http:", "https:")}), "live")
    assert isinstance(forbidden, Failed) and "not a public address" in forbidden.reason


@pytest.mark.parametrize(
    "config",
    [
        {"reads": {"block": read("n() returns (uint256)")}, "that": "block == 1"},
        {"reads": {"transaction": read("n() returns (uint256)")}, "that": "transaction == 1"},
        {"reads": {"n": read("n() returns (uint256)")}, "invariants": {"a": "m == 1"}},
        {"reads": {"n": read("n() returns (uint256)")}, "invariants": {"A": "n == 1"}},
        {"reads": {"n": read("n() returns (uint256)")}, "invariants": {"a": ""}},
        {"reads": {"n": read("n()")}, "that": "n == 1"},
        {"http": {"url": "ftp://x/"}},
        {"http": {"url": "https://x.example/", "body": {}}},
        {"that": "true"},
        {"http": {"url": "https://x.example/"}, "feed": "${{ inputs.f }}", "is": "stale", "heartbeat": "1h"},
        {
            "reads": {"n": read("n() returns (uint256)")},
            "http": {"url": "https://x.example/", "extract": {"n": {"path": "n", "type": "uint256"}}},
            "that": "n == 1",
        },
    ],
    ids=range(11),
)
def test_bad_configs_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Check.Config.model_validate(config)


def test_a_condition_may_hold_values_that_are_filled_in_later() -> None:
    reads = {"n": read("n() returns (uint256)")}
    Check.Config.model_validate({"reads": reads, "that": "n >= ${{ inputs.least.value }}"})
