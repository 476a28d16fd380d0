"""How proposals are made: from functions, from calldata, from Transaction Builder files; and what is refused, where.

No chain here: the Safe's row, kept fresh by hand, is its state.
"""

import copy
import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from governance.proposals.builder_file import checksum
from governance.proposals.building import calls_of
from governance.proposals.models import Proposal
from governance.protocols.models import Contract, Protocol
from governance.safes.models import Safe
from integrations.chain.abi import encode_call
from integrations.chain.models import Chain
from integrations.safe.contracts import MULTI_SEND_CALL_ONLY
from tests.paper_safe import SAFE, VAULT, paper_safe
from tests.people import browser_of, caller, person

pytestmark = pytest.mark.django_db
OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
OTHER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
BIG = str(2**255 + 1)


def fn(name: str, *inputs: dict[str, Any], mutability: str = "nonpayable") -> dict[str, Any]:
    return {"type": "function", "name": name, "inputs": list(inputs), "outputs": [], "stateMutability": mutability}


def arg(name: str, kind: str, *components: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "type": kind, **({"components": list(components)} if components else {})}


ORDER = (arg("to", "address"), arg("limits", "uint256[2]"), arg("live", "bool"))
ABI = [
    fn("pause"),
    fn("setCap", arg("market", "uint256"), arg("cap", "uint256")),
    fn("batch", arg("orders", "tuple[]", *ORDER), arg("note", "string"), arg("raw", "bytes")),
    fn("fund", arg("who", "address"), mutability="payable"),
    fn("paused", mutability="view"),
]
ORDERS = [[OWNER, ["1", BIG], True], [OTHER, ["0", "2"], False]]
BATCH = "0x" + encode_call(ABI, "batch", [ORDERS, "two of them", "0x1234"]).hex()
CAP = "0x" + encode_call(ABI, "setCap", ["1", BIG]).hex()


@pytest.fixture
def safe() -> Safe:
    return paper_safe(ABI)


def ask(safe: Safe, *calls: dict[str, Any], **more: Any) -> Any:
    body = {"safe": safe.pk, "title": "By program", **({"calls": list(calls)} if calls else {}), **more}
    return caller(person("", "responder")).post("/api/v1/proposals/", body)


def at(answer: Any) -> tuple[str, str]:
    """The field of the error, with message and hint in one."""
    assert answer.status_code == 400, answer.content
    assert not Proposal.objects.exists()
    first = answer.json()["errors"][0]
    return first["field"], f"{first['message']} {first['hint']}"


# ── functions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_function_with_lists_and_tuples_is_encoded_here(safe: Safe) -> None:
    call = {"to": VAULT, "function": "batch", "args": [ORDERS, "two of them", "0x1234"]}
    named = {"to": VAULT, "function": "setCap(uint256,uint256)", "args": {"cap": BIG, "market": 1}, "data": CAP}
    answer = ask(safe, call, named)
    assert answer.status_code == 201, answer.content
    proposal = Proposal.objects.get()
    assert [one["data"] for one in proposal.calls] == [BATCH, CAP]
    assert (proposal.to, proposal.operation) == (MULTI_SEND_CALL_ONLY["1.4.1"][0], 1)
    assert [call.to for call in calls_of(proposal.safe_tx) or ()] == [VAULT, VAULT]


@pytest.mark.parametrize(
    ("call", "field", "said"),
    [
        ({"function": "setCap", "args": ["1"]}, "calls.0.args.1", "setCap(uint256 market, uint256 cap)"),
        ({"function": "setCap", "args": ["1", str(2**256)]}, "calls.0.args.1", "uint256, in digits"),
        ({"function": "setCap", "args": ["1", 1.5]}, "calls.0.args.1", "uint256, in digits"),
        ({"function": "setCap", "args": {"market": 1}}, "calls.0.args", "names"),
        ({"function": "setCap", "args": "1, 2"}, "calls.0.args", "a list"),
        ({"function": "setCap"}, "calls.0.args.0", "wants arguments"),
        ({"function": "batch", "args": [[[OWNER, ["1"], True]], "", "0x"]}, "calls.0.args.0[0].limits", "list"),
        ({"function": "batch", "args": [[[OWNER.lower()[:-1], ["1", "2"], True]], "", "0x"]}, "calls.0.args.0[0].to",
         "40 hexadecimal"),
        ({"function": "fund", "args": [OWNER.replace("C5", "c5")]}, "calls.0.args.0", "checksum"),
        ({"function": "unpause"}, "calls.0.function", "no function unpause"),
        ({"function": "pause", "args": [], "value": "1"}, "calls.0.value", "not payable"),
        ({"function": "pause", "data": "0x8456cb59" + "ff" * 3}, "calls.0.data", "3 bytes follow the arguments"),
        ({"function": "setCap", "data": CAP + "00"}, "calls.0.data", "the first 68 bytes"),
        ({"function": "setCap", "data": "0x8456cb59"}, "calls.0.data", "is not setCap(uint256,uint256)"),
        ({"function": "setCap", "data": CAP[:-2]}, "calls.0.data", "do not decode as setCap"),
        ({"function": "setCap", "args": ["1", "2"], "data": CAP}, "calls.0.data", "other arguments"),
        ({"args": [1]}, "calls.0.args", "which function"),
        ({"to": OTHER, "function": "pause"}, "calls.0.function", "No contract with an ABI is registered"),
        ({"to": VAULT.replace("E5", "e5")}, "calls.0.to", "checksum"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_abi_is_an_error_at_its_place(
    safe: Safe, call: dict[str, Any], field: str, said: str
) -> None:
    found, words = at(ask(safe, {"to": VAULT, **call}))
    assert found == field
    assert said in words


def test_nothing_hides_behind_the_arguments_where_no_function_was_named(safe: Safe) -> None:
    """Of what is registered; what nobody knows is left to the findings."""
    found, words = at(ask(safe, {"to": VAULT, "data": CAP}, {"to": VAULT, "data": CAP + "00"}))
    assert found == "calls.1.data" and "1 byte follows" in words and "the first 68 bytes" in words
    assert at(ask(safe, {"to": VAULT, "data": CAP[:-2]}))[0] == "calls.0.data"
    assert at(ask(safe, {"to": safe.address, "data": "0x694e80c3" + "01".rjust(66, "0")}))[0] == "calls.0.data"
    assert ask(safe, {"to": OTHER, "data": CAP + "00"}).status_code == 201


@pytest.mark.parametrize(
    ("more", "field", "said"),
    [
        ({"nonce": "6"}, "nonce", "Nonce 6 is used up: the Safe is at 7. 7 or a later one"),
        ({"calls": [{"to": VAULT}] * 101}, "calls", "at most 100"),
        ({"calls": [{"to": VAULT, "data": "0x" + "ab" * 60_000}] * 2}, "calls", "two proposals"),
        ({"calls": [{"to": VAULT}], "transaction_builder": {}}, "calls", "in one way"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "has passed"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, "expires_at", "more than a year"),
    ],
)
def test_what_no_safe_could_execute_is_refused_at_its_field(
    safe: Safe, more: dict[str, Any], field: str, said: str
) -> None:
    found, words = at(ask(safe, **{"calls": [{"to": VAULT}], **more}))
    assert found == field
    assert said in words


# ── Transaction Builder files ────────────────────────────────────────────────────────────────────────────────────────


def file(*transactions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "version": "1.0",
        "chainId": "731337",
        "createdAt": 1_713_949_623_894,
        "meta": {
            "name": "Batch — of two",
            "description": "",
            "txBuilderVersion": "1.16.5",
            "createdFromSafeAddress": SAFE,
            "createdFromOwnerAddress": "",
        },
        "transactions": list(transactions or (SET_CAP, SEND)),
        **changes,
    }
    document["meta"]["checksum"] = checksum(document)
    return document


SET_CAP = {
    "to": VAULT,
    "value": "0",
    "data": None,
    "contractMethod": {
        "inputs": [{"internalType": "uint256", **arg(name, "uint256")} for name in ("market", "cap")],
        "name": "setCap",
        "payable": False,
    },
    "contractInputsValues": {"market": "1", "cap": BIG},
}
SEND = {"to": OTHER, "value": "5", "data": "0x", "contractMethod": None, "contractInputsValues": None}


def orders(text: str) -> dict[str, Any]:
    values = {"orders": text, "note": "two of them", "raw": "0x1234"}
    return {**SET_CAP, "contractMethod": {**ABI[2], "payable": False}, "contractInputsValues": values}


def test_the_checksum_is_the_transaction_builders_own() -> None:
    """Computed once by JavaScript as the app does it, over keys and numbers of every kind."""
    more = [1, True, None, {"b": 1, "B": 2, "\uffee": 3, "\U0001f600": 4}]
    document = file(meta={"name": "any", "description": 'ä "\u2028\u007f\\ \n', "more": more})
    assert document["meta"]["checksum"] == PINNED
    assert checksum({**document, "meta": {**document["meta"], "name": "another"}}) == PINNED


def test_a_file_becomes_one_batch(safe: Safe) -> None:
    answer = ask(safe, transaction_builder=file())
    assert answer.status_code == 201, answer.content
    assert [(one["to"], one["value"], one["data"]) for one in Proposal.objects.get().calls] == [
        (VAULT, "0", CAP),
        (OTHER, "5", "0x"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ORDERS),
        f'[["{OWNER}", [1, {BIG}], true], ["{OTHER}", [0, 2], false]]',
        f"[({OWNER}, [1, {BIG}], true), ({OTHER}, [0, 2], false)]",
    ],
)
def test_lists_and_tuples_are_read_however_the_app_lets_them_be_typed(safe: Safe, text: str) -> None:
    assert ask(safe, transaction_builder=file(orders(text))).status_code == 201
    assert Proposal.objects.get().calls[0]["data"] == BATCH


def damaged(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SET_CAP), **changes}


@pytest.mark.parametrize(
    ("document", "field", "said"),
    [
        ({**file(), "createdAt": 1}, "meta.checksum", "changed after"),
        (file(chainId="1"), "chainId", "for chain 1, the Safe is on Devnet. a file for 731337"),
        (file(version="2.0"), "version", "1.0"),
        (file(transactions=[]), "transactions", "at least one"),
        (file(transactions=[SEND] * 101), "transactions", "at most 100"),
        ({**file(), "createdAt": 2**60}, "", "read differently"),
        (file(SEND, damaged(data=CAP + "00")), "transactions.1.data", "1 byte follows"),
        (file(damaged(data=BATCH)), "transactions.0.data", "is not setCap"),
        (file(damaged(contractInputsValues={"market": "1"})), "transactions.0.contractInputsValues", "market, cap"),
        (file(damaged(contractInputsValues={"market": "1", "cap": "x"})), "transactions.0.contractInputsValues.cap",
         "uint256"),
        (file(damaged(contractMethod={"name": "setCap", "inputs": [arg("market", "uint8"), arg("cap", "uint256")]})),
         "transactions.0.contractMethod", "setCap(uint256 market, uint256 cap)"),
        (file(damaged(contractMethod={"name": "setCap", "inputs": [arg("a", "uint7")]})),
         "transactions.0.contractMethod.inputs", "not a type"),
        (file(damaged(contractMethod={"name": "setCap", "inputs": ["x"]})), "transactions.0.contractMethod.inputs",
         "as in the contract's ABI"),
        (file(damaged(value="1")), "transactions.0.value", "not payable"),
        (file(damaged(operation=1)), "transactions.0.operation", "delegate call"),
        (file(damaged(to=VAULT.replace("E5", "e5"))), "transactions.0.to", "checksum"),
        (file(damaged(contractMethod={"name": ["setCap"], "inputs": []})), "transactions.0.contractMethod", "a name"),
        (file(damaged(contractMethod={"name": "setCap", "inputs": [{"name": "a", "type": []}]})),
         "transactions.0.contractMethod.inputs", "a name and a type"),
        (file(damaged(contractMethod={**SET_CAP["contractMethod"], "name": "x", "outputs": 7})),
         "transactions.0.contractMethod", "has no x(uint256,uint256)"),
        (file(orders("[[")), "transactions.0.contractInputsValues.orders", "not a list"),
        (["x"], "", "an object"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_its_place(safe: Safe, document: Any, field: str, said: str) -> None:
    found, words = at(ask(safe, transaction_builder=document))
    assert found == f"transaction_builder.{field}".rstrip(".")
    assert said in words


def test_a_file_that_nests_too_deeply_is_refused(safe: Safe) -> None:
    deep: Any = []
    for _ in range(600):
        deep = [deep]
    field, words = at(ask(safe, transaction_builder={**file(), "more": deep}))
    assert (field, "deeply" in words) == ("transaction_builder", True)


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────

NEW = "/governance/proposals/new/"


def shown(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())).replace("&quot;", '"')


def hidden_calls(answer: Any) -> str:
    return str(answer.context["form"]["calls"].value())


def test_a_batch_is_put_together_call_by_call_and_proposed(safe: Safe) -> None:
    browser = browser_of(person("rita", "responder"))
    vault = Contract.objects.get()
    fields = browser.get(f"{NEW}call/?function={vault.pk}:batch((address,uint256[2],bool)[],string,bytes)")
    assert "orders" in shown(fields) and "(address to, uint256[2] limits, bool live)[], such as [[" in shown(fields)
    first = {
        "safe": safe.pk,
        "function": f"{vault.pk}:batch((address,uint256[2],bool)[],string,bytes)",
        "argument-0": json.dumps(ORDERS),
        "argument-1": "two of them",
        "argument-2": "0x1234",
        "do": "add",
    }
    page = browser.post(NEW, first)
    assert page.status_code == 200 and "1 call" in shown(page)
    second = {"safe": safe.pk, "calls": hidden_calls(page), "function": "raw", "to": OTHER, "value": "5", "do": "add"}
    page = browser.post(NEW, second)
    assert "send 5 wei" in shown(page) and "2 calls, all or none" in shown(page)
    third = {**second, "calls": hidden_calls(page), "to": SAFE}
    page = browser.post(NEW, third)
    page = browser.post(NEW, {**third, "calls": hidden_calls(page), "do": "remove-2"})
    assert "2 calls, all or none" in shown(page) and not Proposal.objects.exists()
    last = {"safe": safe.pk, "title": "Both", "calls": hidden_calls(page), "nonce": "9", "hours": "4"}
    done = browser.post(NEW, {**last, "do": "propose"})
    proposal = Proposal.objects.get()
    assert done.headers["Location"] == f"/governance/proposals/{proposal.pk}/"
    assert [one["data"] for one in proposal.calls] == [BATCH, "0x"]
    assert proposal.nonce == 9 and proposal.expires_at is not None


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"function": "setCap", "argument-0": "1", "argument-1": "x"}, "argument-1", "uint256, in digits"),
        ({"function": "setCap", "calldata": CAP + "00"}, "calldata", "1 byte follows the arguments"),
        ({"function": "pause", "value": "1"}, "value", "not payable"),
        ({"function": "raw"}, "to", "Which address"),
        ({"function": "raw", "to": VAULT, "calldata": "0x123"}, "calldata", "even number"),
        ({"function": "raw", "to": VAULT.replace("E5", "e5")}, "to", "checksum"),
        ({"function": "raw", "to": VAULT, "value": "a lot"}, "value", "decimal digits"),
        ({"function": "raw", "to": VAULT, "nonce": "6"}, "nonce", "7 or a later one"),
        ({"function": "raw", "to": VAULT, "calls": "[{]"}, "__all__", "begin again"),
        ({"function": "raw", "to": VAULT, "calls": '[{"to": "0x1"}]'}, "__all__", "Call 1"),
        ({"function": "raw", "to": VAULT, "title": ""}, "title", "required"),
    ],
)
def test_the_forms_errors_stand_at_their_fields_and_keep_what_was_typed(
    safe: Safe, given: dict[str, str], field: str, said: str
) -> None:
    signature = {"setCap": "setCap(uint256,uint256)", "pause": "pause()"}.get(given["function"])
    function = f"{Contract.objects.get().pk}:{signature}" if signature else "raw"
    body = {"safe": safe.pk, "title": "x", "do": "propose", **given, "function": function}
    answer = browser_of(person("rita", "responder")).post(NEW, body)
    assert answer.status_code == 400
    errors = answer.context["form"].errors
    assert list(errors) == [field] and said in errors[field][0]
    assert not Proposal.objects.exists()


@pytest.mark.parametrize("nonsense", ["9" * 5000, "²", "-1", "9" * 60, "x", ""])
def test_nonsense_in_the_address_or_the_form_breaks_nothing(safe: Safe, nonsense: str) -> None:
    browser = browser_of(person("rita", "responder"))
    assert browser.get(NEW, {"safe": nonsense, "nonce": nonsense}).status_code == 200
    assert browser.get(f"{NEW}call/", {"function": f"{nonsense}:pause()"}).status_code == 200
    body = dict.fromkeys(("safe", "nonce", "function", "calls", "hours", "title", "value"), nonsense)
    for press in ("propose", "add", "look", "remove-x", nonsense):
        assert browser.post(NEW, {**body, "do": press}).status_code in (200, 400)
    assert not Proposal.objects.exists()


def test_a_contract_of_another_chain_is_no_target(safe: Safe) -> None:
    chain = Chain.objects.create(chain_id=1, name="Mainnet", short_name="eth", kind="live")
    far = Contract.objects.create(
        protocol=Protocol.objects.get(), chain=chain, address=VAULT, name="Far", role="vault", abi=ABI
    )
    body = {"safe": safe.pk, "title": "x", "function": f"{far.pk}:pause()", "do": "propose"}
    answer = browser_of(person("rita", "responder")).post(NEW, body)
    assert "Far is on Mainnet, the Safe on Devnet" in answer.context["form"].errors["function"][0]


def test_a_file_is_read_in_the_page_and_shown_before_it_is_proposed(safe: Safe) -> None:
    browser = browser_of(person("rita", "responder"))
    text = json.dumps(file())
    for given in ({"text": text}, {"file": SimpleUploadedFile("batch.json", text.encode())}):
        page = browser.post(f"{NEW}file/", {"safe": safe.pk, **given})
        assert "2 calls, all or none" in shown(page) and f"setCap(1, {BIG})" in shown(page)
        assert "checksum is right" in shown(page) and not Proposal.objects.exists()
    body = {"safe": safe.pk, "title": "From a file", "calls": hidden_calls(page), "function": "raw", "do": "propose"}
    assert browser.post(NEW, body).status_code == 302
    assert len(Proposal.objects.get().calls) == 2


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({}, "text", "one of the two"),
        ({"text": "{"}, "text", "not JSON"),
        ({"text": '{"version": "1.0", "version": "1.0"}'}, "text", "stands twice"),
        ({"text": json.dumps({**file(), "createdAt": 1})}, "text", "meta.checksum: The file was changed"),
        ({"text": "[" * 100_000}, "text", "not JSON"),
    ],
)
def test_a_wrong_file_in_the_page_is_an_error_at_its_field(
    safe: Safe, given: dict[str, str], field: str, said: str
) -> None:
    answer = browser_of(person("rita", "responder")).post(f"{NEW}file/", {"safe": safe.pk, **given})
    assert answer.status_code == 400
    assert said in answer.context["form"].errors[field][0]


PINNED = "0xa4d2d751acd74601212dd3c78e04b47e7045f1eb4df9c149418c7f92f7355984"
