"""The devnet wallet in a real browser: found by EIP-6963, shows before it signs, signs what it shows, and knows one
chain only. What it signed is checked by eth-account."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_utils.crypto import keccak
from playwright.sync_api import Page, expect

from integrations.devnet.anvil import ROOT, Anvil
from integrations.devnet.chain import CAROL, CHAIN_ID, DAN, KEYS

DISCOVER = """() => new Promise((resolve) => {
  window.addEventListener("eip6963:announceProvider", (event) => {
    window.wallet = event.detail.provider;
    resolve(event.detail.info);
  });
  window.dispatchEvent(new Event("eip6963:requestProvider"));
})"""
# Starts a request; what becomes of it is kept for `outcome`.
REQUEST = """(request) => {
  window.outcome = undefined;
  window.wallet.request(request).then(
    (value) => { window.outcome = { value }; },
    (error) => { window.outcome = { code: error.code, message: error.message }; },
  );
}"""
SAFE_TX = [
    ("to", "address"),
    ("value", "uint256"),
    ("data", "bytes"),
    ("operation", "uint8"),
    ("safeTxGas", "uint256"),
    ("baseGas", "uint256"),
    ("gasPrice", "uint256"),
    ("gasToken", "address"),
    ("refundReceiver", "address"),
    ("nonce", "uint256"),
]
ZERO = "0x" + "00" * 20


def safe_tx(**domain: Any) -> dict[str, Any]:
    return {
        "types": {
            "EIP712Domain": [
                {"name": name, "type": {"chainId": "uint256", "verifyingContract": "address"}[name]} for name in domain
            ],
            "SafeTx": [{"name": name, "type": kind} for name, kind in SAFE_TX],
        },
        "primaryType": "SafeTx",
        "domain": domain,
        "message": {
            "to": KEYS[7].address,
            "value": "0",
            "data": "0x8456cb59",
            "operation": 0,
            "safeTxGas": "0",
            "baseGas": "0",
            "gasPrice": "0",
            "gasToken": ZERO,
            "refundReceiver": ZERO,
            "nonce": str(2**255),
        },
    }


@pytest.fixture
def wallet(page: Page, live_server: Any) -> Iterator["Wallet"]:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{live_server.url}/accounts/login/")
    found = Wallet(page)
    yield found
    assert problems == [], "nothing the CSP refuses, no error that nobody caught"


class Wallet:
    """The page's side of the wallet, and the person's."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.info = page.evaluate(DISCOVER)
        self.dialog = page.locator("dialog.devnet-wallet")

    def ask(self, method: str, *params: Any) -> None:
        self.page.evaluate(REQUEST, {"method": method, "params": list(params)})

    def outcome(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.wait_for_function("() => window.outcome").json_value()
        return found

    def connect(self, name: str) -> str:
        self.ask("eth_requestAccounts")
        self.dialog.get_by_role("radio", name=name).check()
        self.dialog.get_by_role("button", name="Connect").click()
        return str(self.outcome()["value"][0])

    def press(self, name: str) -> dict[str, Any]:
        self.dialog.get_by_role("button", name=name, exact=True).click()
        expect(self.dialog).to_have_count(0)
        return self.outcome()

    def shown(self) -> str:
        """Without the spaces between a hash's groups."""
        return "".join(self.dialog.inner_text().split())


def test_announces_itself_and_connects_the_account_that_was_picked(wallet: Wallet) -> None:
    assert wallet.info["name"] == "Breakglass devnet wallet"
    assert wallet.info["icon"].startswith("data:image/svg+xml,")
    wallet.ask("eth_accounts")
    assert wallet.outcome() == {"value": []}
    wallet.ask("eth_requestAccounts")
    for account in KEYS:
        expect(wallet.dialog.get_by_text(account.address)).to_be_visible()
    wallet.page.keyboard.press("Escape")
    assert wallet.outcome()["code"] == 4001
    assert wallet.connect("Dan") == DAN.address
    wallet.ask("eth_accounts")
    assert wallet.outcome() == {"value": [DAN.address]}
    wallet.ask("eth_chainId")
    assert wallet.outcome() == {"value": hex(CHAIN_ID)}
    wallet.page.reload()
    wallet.page.evaluate(DISCOVER)
    wallet.ask("eth_accounts")
    assert wallet.outcome() == {"value": [DAN.address]}


@pytest.mark.parametrize("as_text", [True, False])
def test_signs_a_safe_transaction_after_showing_its_hashes(wallet: Wallet, as_text: bool) -> None:
    wallet.connect("Carol")
    data = safe_tx(chainId=CHAIN_ID, verifyingContract=KEYS[9].address)
    wallet.ask("eth_signTypedData_v4", CAROL.address, json.dumps(data) if as_text else data)
    expect(wallet.dialog).to_be_visible()
    message = encode_typed_data(full_message={**data, "message": {**data["message"], "nonce": 2**255}})
    digest = keccak(b"\x19" + message.version + message.header + message.body)
    shown = wallet.shown()
    for part in (CAROL.address, KEYS[9].address, KEYS[7].address, "0x8456cb59", str(2**255), str(CHAIN_ID)):
        assert part in shown
    for hash_ in (message.header, message.body, digest):
        assert "0x" + hash_.hex() in shown
    signature = wallet.press("Sign")["value"]
    assert Account.recover_message(message, signature=signature) == CAROL.address


def test_typed_data_with_nested_types_and_arrays(wallet: Wallet) -> None:
    wallet.connect("Erin")
    data = {
        "types": {
            "Mail": [
                {"name": "to", "type": "Person[]"},
                {"name": "text", "type": "string"},
                {"name": "shifts", "type": "int16[2]"},
                {"name": "ok", "type": "bool"},
                {"name": "tag", "type": "bytes4"},
            ],
            "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
        },
        "primaryType": "Mail",
        "domain": {"name": "Mail é", "version": "1", "chainId": CHAIN_ID},
        "message": {
            "to": [{"name": "Carol", "wallet": CAROL.address}, {"name": "Dan", "wallet": DAN.address}],
            "text": "à bientôt",
            "shifts": [-2, 300],
            "ok": True,
            "tag": "0x01020304",
        },
    }
    wallet.ask("eth_signTypedData_v4", KEYS[3].address, data)
    expect(wallet.dialog.get_by_text("to[1].wallet")).to_be_visible()
    signature = wallet.press("Sign")["value"]
    filled = {
        **data,
        "types": {
            **data["types"],  # type: ignore[dict-item]  # a document, whatever its values
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
            ],
        },
    }
    assert Account.recover_message(encode_typed_data(full_message=filled), signature=signature) == KEYS[3].address


def test_typed_data_of_another_chain_is_refused_unshown(wallet: Wallet) -> None:
    wallet.connect("Carol")
    for domain, why in (
        ({"chainId": 1}, "this is for chain 1"),
        ({"chainId": "0x1"}, "this is for chain 1"),
        ({"chainId": 731338}, "this is for chain 731338"),
        ({"verifyingContract": ZERO}, "a domain without a chain"),
        ({"chainId": ""}, "a domain without a chain"),
    ):
        wallet.ask("eth_signTypedData_v4", CAROL.address, safe_tx(**domain))
        outcome = wallet.outcome()
        assert outcome["code"] == 4901, domain
        assert why in outcome["message"]
        expect(wallet.dialog).to_have_count(0)


def _without(data: dict[str, Any], name: str) -> dict[str, Any]:
    return {**data, "message": {key: value for key, value in data["message"].items() if key != name}}


def test_typed_data_that_is_not_what_it_says_is_refused(wallet: Wallet) -> None:
    wallet.connect("Carol")
    data = safe_tx(chainId=CHAIN_ID)
    message = data["message"]
    for given, where in (
        (_without(data, "nonce"), "message.nonce: missing"),
        ({**data, "message": {**message, "extra": 1}}, "message.extra"),
        ({**data, "message": {**message, "value": str(2**256)}}, "message.value"),
        ({**data, "message": {**message, "to": CAROL.address[:-1]}}, "message.to: not an address"),
        ({**data, "message": {**message, "data": "0xabc"}}, "message.data"),
        ({**data, "primaryType": "Nothing"}, "primaryType"),
        ("{", "not JSON"),
    ):
        wallet.ask("eth_signTypedData_v4", CAROL.address, given)
        outcome = wallet.outcome()
        assert outcome["code"] == -32602, where
        assert where in outcome["message"]


def _sign_in(host: str, address: str, chain_id: Any = CHAIN_ID) -> str:
    chain = f"\nChain ID: {chain_id}" if chain_id else ""
    return (
        f"{host} wants you to sign in with your Ethereum account:\n{address}\n\nSign in to Breakglass.\n\n"
        f"URI: http://{host}/\nVersion: 1{chain}\nNonce: abcdefgh12345678\nIssued At: 2026-11-20T10:00:00Z"
    )


def _host(wallet: Wallet) -> str:
    return wallet.page.url.split("/")[2]


@pytest.mark.parametrize("as_hex", [True, False])
def test_signs_in_with_the_text_in_view(wallet: Wallet, as_hex: bool) -> None:
    wallet.connect("Carol")
    text = _sign_in(_host(wallet), CAROL.address)
    wallet.ask("personal_sign", "0x" + text.encode().hex() if as_hex else text, CAROL.address)
    expect(wallet.dialog.get_by_text("Nonce: abcdefgh12345678")).to_be_visible()
    signature = wallet.press("Sign")["value"]
    assert Account.recover_message(encode_defunct(text=text), signature=signature) == CAROL.address


def test_cancelling_signs_nothing_and_one_question_is_asked_at_a_time(wallet: Wallet) -> None:
    wallet.connect("Carol")
    wallet.ask("personal_sign", "first", CAROL.address)
    expect(wallet.dialog).to_be_visible()
    wallet.page.evaluate(
        "(params) => window.wallet.request({ method: 'personal_sign', params })"
        ".catch((error) => { window.second = error.code; })",
        ["second", CAROL.address],
    )
    assert wallet.page.wait_for_function("() => window.second").json_value() == -32002
    assert wallet.press("Cancel")["code"] == 4001


def test_texts_that_could_mean_something_elsewhere_are_refused(wallet: Wallet) -> None:
    wallet.connect("Carol")
    host = _host(wallet)
    for message, code in (
        (_sign_in(host, CAROL.address, 1), 4901),
        (_sign_in(host, CAROL.address, None), 4901),
        (_sign_in("evil.example", CAROL.address), 4100),
        (_sign_in(host, DAN.address), 4100),
        ("0x" + "ab" * 32, -32602),
        ("pay\u202eyap", -32602),
        ("", -32602),
    ):
        wallet.ask("personal_sign", message, CAROL.address)
        assert wallet.outcome()["code"] == code, message
        expect(wallet.dialog).to_have_count(0)


def test_other_accounts_methods_and_chains_are_refused(wallet: Wallet) -> None:
    wallet.connect("Carol")
    for request, code in (
        (("personal_sign", "hello", DAN.address), 4100),
        (("personal_sign", "hello", "0x" + "11" * 20), 4100),
        (("eth_sign", CAROL.address, "0x" + "11" * 32), 4200),
        (("eth_signTypedData", [], CAROL.address), 4200),
        (("anvil_setBalance", CAROL.address, "0x1"), 4200),
        (("wallet_switchEthereumChain", {"chainId": "0x1"}), 4901),
        (("eth_sendTransaction", {"from": CAROL.address, "to": DAN.address, "chainId": "0x1"}), 4901),
    ):
        wallet.ask(*request)
        assert wallet.outcome()["code"] == code, request
    wallet.ask("wallet_switchEthereumChain", {"chainId": hex(CHAIN_ID)})
    assert wallet.outcome() == {"value": None}


@pytest.fixture
def chain(settings: Any) -> Iterator[Anvil]:
    with Anvil(mining="auto") as anvil:
        settings.DEVNET_RPC_URL = anvil.url
        yield anvil


def test_sends_a_transaction_it_signed_itself(chain: Anvil, wallet: Wallet) -> None:
    wallet.connect("Carol")
    receiver = "0x" + "ab" * 20
    wallet.ask("eth_sendTransaction", {"from": CAROL.address, "to": receiver, "value": hex(15 * 10**17), "data": "0x"})
    expect(wallet.dialog.get_by_text("1.5 ETH")).to_be_visible()
    tx_hash = wallet.press("Sign and send")["value"]
    chain.rpc("evm_mine")
    receipt = chain.rpc("eth_getTransactionReceipt", tx_hash)
    assert (receipt["status"], receipt["from"]) == ("0x1", CAROL.address.lower())
    assert chain.rpc("eth_getBalance", receiver, "latest") == hex(15 * 10**17)
    assert int(chain.rpc("eth_getTransactionByHash", tx_hash)["chainId"], 16) == CHAIN_ID
    wallet.ask("eth_getBalance", receiver, "latest")
    assert wallet.outcome() == {"value": hex(15 * 10**17)}


def test_can_be_used_by_keyboard_at_phone_width(wallet: Wallet) -> None:
    page = wallet.page
    page.set_viewport_size({"width": 390, "height": 780})
    wallet.connect("Carol")
    wallet.ask("eth_signTypedData_v4", CAROL.address, safe_tx(chainId=CHAIN_ID, verifyingContract=KEYS[9].address))
    cancel = wallet.dialog.get_by_role("button", name="Cancel")
    sign = wallet.dialog.get_by_role("button", name="Sign", exact=True)
    expect(cancel).to_be_focused()
    for button in (cancel, sign):
        box = button.bounding_box()
        assert box and box["height"] >= 40 and box["x"] >= 0 and box["x"] + box["width"] <= 390
        assert box["y"] + box["height"] <= 780
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    body = wallet.dialog.locator(".dw-body")
    assert body.evaluate("(element) => element.scrollWidth <= element.clientWidth")
    page.keyboard.press("Tab")
    expect(sign).to_be_focused()
    page.keyboard.press("Enter")
    assert len(wallet.outcome()["value"]) == 2 + 130


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_dialog_passes_axe(chain: Anvil, wallet: Wallet, theme: Any) -> None:
    page = wallet.page
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": 390, "height": 780})
    page.evaluate((ROOT / "node_modules/axe-core/axe.min.js").read_text())
    wallet.connect("Carol")
    for question, answer in (
        (("eth_requestAccounts",), "Cancel"),
        (("eth_signTypedData_v4", CAROL.address, safe_tx(chainId=CHAIN_ID, verifyingContract=DAN.address)), "Cancel"),
        (("personal_sign", _sign_in(_host(wallet), CAROL.address), CAROL.address), "Cancel"),
        (("eth_sendTransaction", {"from": CAROL.address, "to": DAN.address, "data": "0x" + "ab" * 300}), "Cancel"),
    ):
        wallet.ask(*question)
        expect(wallet.dialog).to_be_visible()
        found = page.evaluate("() => axe.run('dialog.devnet-wallet')")
        assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
        wallet.press(answer)
