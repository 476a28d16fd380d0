"""A signer's page in a real Chromium: read, compare, sign with an injected wallet, see it executed; lies block."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from playwright.sync_api import Browser, Page, Route, expect

from config.templatetags.look import chunks
from integrations.chain.hashing import keccak
from integrations.devnet.chain import CAROL, CHAIN_ID, DAN, TREASURY
from tests.stack import Stack

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
PASSWORD = "breakglass-demo"
# What another file left unsigned would hold up everything behind it.
PROPOSE = """
from governance.proposals.models import Proposal
from governance.proposals.services import propose, withdraw
from governance.safes.models import Safe
from integrations.devnet.chain import DAN
safe = Safe.objects.get(label="Treasury Safe")
for left in Proposal.objects.filter(safe=safe, status="signing"):
    withdraw(proposal=left, actor="system:test", reason="its test is over")
call = {{"to": DAN.address, "value": "0", "data": "0x"}}
made = propose(safe=safe, calls=[call] * {calls}, title={title!r}, actor="system:test", auto_execute=True)
print("proposal", made.pk)
"""
# Announces itself by EIP-6963; the keys are in Python, as a wallet's are not in the page.
WALLET = """
(() => {
  const provider = { request: async ({ method, params }) => {
    const answer = JSON.parse(await window.testWallet(JSON.stringify({ method, params: params ?? [] })));
    if (answer.error) throw Object.assign(new Error(answer.error), { code: answer.code });
    return answer.result;
  } };
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({
    info: { uuid: "5a1e0000-0000-4000-8000-000000000001", name: "Test wallet", icon: "data:,", rdns: "test.wallet" },
    provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
"""


class Wallet:
    """What the injected wallet does; it keeps what it was asked to sign."""

    def __init__(self, key: str, chain_id: int = CHAIN_ID) -> None:
        self.account = Account.from_key(key)
        self.chain_id = chain_id
        self.asked: list[dict[str, Any]] = []

    def answer(self, _source: Any, text: str) -> str:
        request = json.loads(text)
        if request["method"] in ("eth_requestAccounts", "eth_accounts"):
            return json.dumps({"result": [self.account.address]})
        if request["method"] == "eth_chainId":
            return json.dumps({"result": hex(self.chain_id)})
        if request["method"] == "eth_signTypedData_v4":
            typed = json.loads(request["params"][1])
            self.asked.append(typed)
            signed = self.account.sign_message(encode_typed_data(full_message=typed))
            return json.dumps({"result": "0x" + bytes(signed.signature).hex()})
        return json.dumps({"error": "not supported", "code": 4200})


@pytest.fixture(scope="module")
def sessions() -> dict[str, Any]:
    """The cookies of whoever has logged in; once a person is enough."""
    return {}


@pytest.fixture
def page_of(browser: Browser, stack: Stack, sessions: dict[str, Any]) -> Iterator[Any]:
    """A signed-in page of a size, with a wallet in it."""
    opened = []

    def open_page(wallet: Wallet | None = None, viewport: Any = PHONE, user: str = "dan") -> Page:
        context = browser.new_context(viewport=viewport, base_url=stack.url, storage_state=sessions.get(user))
        opened.append(context)
        page = context.new_page()
        page.add_init_script(script="localStorage.setItem('breakglass:quiet', '1')")
        if wallet is not None:
            page.expose_binding("testWallet", wallet.answer)
            page.add_init_script(script=WALLET)
        if user not in sessions:
            log_in(page, user)
            sessions[user] = context.storage_state()
        return page

    yield open_page
    for context in opened:
        context.close()


def log_in(page: Page, user: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").or_(page.locator("input[name=login]")).first.fill(user)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url(re.compile(r"^(?!.*login)"))


def make_proposal(stack: Stack, title: str, calls: int = 1) -> str:
    said = stack.manage("shell", "-v0", "-c", PROPOSE.format(title=title, calls=calls))
    found = re.search(r"proposal (\d+)", said)
    assert found, said
    return f"/governance/proposals/{found[1]}/"


def choose_wallet(page: Page, button: str = "[data-sign]", said: str = "[data-said]") -> None:
    """The devnet's own wallet is announced as well, so the page asks which one."""
    page.locator(button).click()
    choice = page.get_by_role("button", name="Sign with Test wallet")
    status = page.locator(said)
    expect(choice.or_(status.filter(has_text="Test wallet")).first).to_be_visible()
    if choice.is_visible():
        choice.click()


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_a_signer_compares_signs_and_sees_it_executed(stack: Stack, page_of: Any, viewport: Any) -> None:
    path = make_proposal(stack, "Touch the treasury", calls=1 if viewport is PHONE else 2)
    wallet = Wallet(TREASURY.key)
    page = page_of(wallet, viewport)
    page.goto(path)
    for name in ("domain", "message", "safeTx"):
        expect(page.locator(f'[data-check="{name}"]')).to_have_attribute("data-state", "match")
    expect(page.locator("#mismatch")).to_be_hidden()
    expect(page.get_by_role("heading", name="What changes, and nothing else")).to_be_visible()
    expect(page.locator(".changes li").filter(has_text="nonce")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    button = page.locator("[data-sign]")
    expect(button).to_be_enabled()
    before = button.bounding_box()
    choose_wallet(page)
    expect(page.locator("#p-signers")).to_have_text("Signed 1 of 1")
    expect(page.locator("#proposal-status")).to_have_attribute("data-status", "executed", timeout=30_000)
    expect(page.locator("[data-said]")).to_contain_text("The actual changes are those that were predicted")
    expect(page.locator("#proposal-progress")).to_contain_text("Mined in block")
    after = button.bounding_box()
    assert before and after
    if viewport is PHONE:
        assert after["y"] + after["height"] <= PHONE["height"]
    shown = page.locator('[data-hash="safeTx"] code').text_content() or ""
    typed = wallet.asked[0]
    assert typed["primaryType"] == "SafeTx"
    parts = encode_typed_data(full_message=typed)
    assert "0x" + keccak(b"\x19" + parts.version + parts.header + parts.body).hex() == re.sub(r"\s", "", shown)


NESTED = """
from governance.proposals.links import link_of
from governance.proposals.services import propose
from governance.safes.models import Safe
from integrations.devnet.chain import DAN
safe = Safe.objects.get(label="Council Safe")
made = propose(safe=safe, calls=[{"to": DAN.address, "value": "0", "data": "0x"}], title="Ask", actor="system:test")
print("proposal", made.pk, link_of(made).split("/")[-2])
"""


def test_an_owner_of_an_owning_safe_signs_its_message_and_another_hands_in_by_link(stack: Stack, page_of: Any) -> None:
    """The treasury owns the council: its owner's device shows the second level's hashes, and so does the page."""
    said = stack.manage("shell", "-v0", "-c", NESTED)
    found = re.search(r"proposal (\d+) (\S+)", said)
    assert found, said
    wallet = Wallet(TREASURY.key)
    page = page_of(wallet)
    page.goto(f"/governance/proposals/{found[1]}/")
    lies: list[Any] = [
        lambda body: re.sub(r"<bg-sign .*?</bg-sign>", "", body, flags=re.S).replace('id="mismatch"', 'id="no"'),
        lambda body: body.replace(str(chunks(DAN.address)), str(chunks(TREASURY.address))),
    ]
    within = page.locator("bg-sign-within")
    page.route(re.compile(rf"/governance/proposals/{found[1]}/$"), lying(lambda body: lies[1](lies[0](body))))
    page.reload()
    expect(within.locator("[data-said]")).to_contain_text("Do not sign")
    expect(page.locator("[data-sign-within]")).to_be_disabled()
    page.unroute_all()
    page.reload()
    for name in ("domain", "message", "safeMessage"):
        expect(within.locator(f'[data-within="{name}"] [data-check]')).to_have_attribute("data-state", "match")
    choose_wallet(page, "[data-sign-within]", "bg-sign-within [data-said]")
    expect(page.locator("#proposal-signers")).to_contain_text("by its owners")
    expect(page.locator("#p-signers")).to_have_text("Signed 1 of 3")
    typed = wallet.asked[0]
    assert typed["primaryType"] == "SafeMessage"
    parts = encode_typed_data(full_message=typed)
    shown = within.locator('[data-within="safeMessage"] code').text_content() or ""
    assert "0x" + keccak(b"\x19" + parts.version + parts.header + parts.body).hex() == re.sub(r"\s", "", shown)
    digest = re.sub(r"\s", "", page.locator('[data-hash="safeTx"] code').text_content() or "")
    signature = bytes(Account.unsafe_sign_hash(bytes.fromhex(digest[2:]), CAROL.key).signature).hex()
    page.context.clear_cookies()
    page.goto(f"/sign/{found[2]}/#sig=0x{signature}")
    expect(page.locator("[data-check][data-state=match]")).to_have_count(6)
    expect(page.get_by_text("values in storage, none others")).to_be_visible()
    expect(page.locator("script[type=importmap]")).to_have_count(1)
    expect(page.locator("textarea[name=signature]")).to_have_value("0x" + signature)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    hand_in = page.get_by_role("button", name="Hand it in")
    page.route(re.compile("/sign/"), lying(lambda body: body.replace("an empty call", "a vote")))
    page.reload()
    expect(page.locator("#mismatch li").first).to_contain_text("says more than what it does")
    page.unroute_all()
    page.route(re.compile("/sign/"), lying(lies[1]))
    page.reload()
    expect(page.locator("#mismatch li").first).to_contain_text("Call 1 goes to")
    expect(hand_in).to_have_count(0)
    page.unroute_all()
    page.reload()
    hand_in.click()
    expect(page.get_by_text("Your signature is counted")).to_be_visible()
    expect(page.get_by_text("2 of 3")).to_be_visible()


def lying(lie: Any) -> Any:
    """A route that tells a lie about the answer."""

    def handle(route: Route) -> None:
        answer = route.fetch()
        changed = lie(answer.text())
        assert changed != answer.text(), "the lie was not told"
        route.fulfill(response=answer, body=changed)

    return handle


def hostile(kind: str, body: str) -> str:
    """What a server that lies would send instead."""
    if kind == "another call behind the same words":
        return body.replace(f'"to": "{DAN.address}"', f'"to": "{TREASURY.address}"')
    if kind == "another hash":
        return re.sub(
            r'(data-hash="safeTx".*?<span class="chunk">)[0-9a-f]{4}', r"\g<1>dead", body, count=1, flags=re.S
        )
    if kind == "value added":
        return body.replace('"value": "0"', '"value": "1000000000000000000"')
    if kind == "a delegatecall":
        return body.replace('"operation": 0', '"operation": 1')
    if kind == "an extra field":
        return body.replace('"operation": 0', '"operation": 0, "extra": "1"')
    if kind == "other raw fields shown":
        return re.sub(r'(data-raw="nonce">)\d+', r"\g<1>999", body)
    raise AssertionError(kind)


@pytest.mark.parametrize(
    "kind",
    [
        "another call behind the same words",
        "another hash",
        "value added",
        "a delegatecall",
        "an extra field",
        "other raw fields shown",
    ],
)
def test_an_answer_that_does_not_match_blocks_signing(
    stack: Stack, page_of: Any, kind: str, proposal_path: str
) -> None:
    wallet = Wallet(TREASURY.key)
    page = page_of(wallet)
    page.route(re.compile(re.escape(proposal_path) + "$"), lying(lambda body: hostile(kind, body)))
    page.goto(proposal_path)
    expect(page.locator("#mismatch")).to_be_visible()
    expect(page.locator("#mismatch li").first).not_to_be_empty()
    expect(page.locator("#mismatch")).to_contain_text("by phone")
    expect(page.locator("[data-sign]")).to_be_hidden()
    expect(page.locator("[data-said]")).to_contain_text("Do not sign")
    assert wallet.asked == []


@pytest.fixture(scope="module")
def proposal_path(stack: Stack) -> str:
    """One that nobody signs."""
    return make_proposal(stack, "Nobody signs this one")


def test_a_wallet_that_may_not_sign_says_what_would_be_right(page_of: Any, proposal_path: str) -> None:
    stranger = Wallet(DAN.key)
    page = page_of(stranger)
    page.goto(proposal_path)
    choose_wallet(page)
    said = page.locator("[data-said]")
    expect(said).to_contain_text("is not an owner of this Safe")
    expect(said).to_contain_text(TREASURY.address)
    elsewhere = Wallet(TREASURY.key, chain_id=1)
    page = page_of(elsewhere)
    page.goto(proposal_path)
    choose_wallet(page)
    expect(page.locator("[data-said]")).to_contain_text(
        f"The wallet is on chain 1. Switch it to Helix devnet (chain {CHAIN_ID})"
    )
    assert stranger.asked == elsewhere.asked == []


def test_a_pasted_signature_is_judged_at_its_field(page_of: Any, proposal_path: str) -> None:
    page = page_of()
    page.goto(proposal_path)
    page.locator("[data-paste]").click()
    page.get_by_label("Signature").fill("0x" + "11" * 65)
    page.get_by_role("button", name="Add the signature").click()
    expect(page.locator(".field-error")).to_be_visible()
    expect(page.locator("#p-signers")).to_have_text("Signed 0 of 1")


# Last in the file: what nobody signs stands in the Safe's queue before whatever is proposed after it.
PROPOSE_WORDS = """
from governance.proposals.services import propose
from governance.protocols.models import Contract
from governance.safes.models import Safe
from integrations.chain.abi import encode_call
from integrations.devnet.chain import DAN
safe = Safe.objects.get(label="Treasury Safe")
vault = Contract.objects.get(name="HelixVault")
lock = Contract.objects.get(name="HelixTimelock")
settle = encode_call(vault.abi, "settleAccounts", ["7", [DAN.address, safe.address]])
call = {"to": vault.address, "value": "1500000000000000000", "data": "0x" + settle.hex()}
carried = encode_call("upgradeToAndCall(address,bytes)", "", [DAN.address, encode_call(vault.abi, "pause", [])])
zero = b"\\0" * 32
given = [[vault.address, DAN.address], ["0", "2500000000000000000"], [carried, b""], zero, zero, "99999"]
scheduled = encode_call(lock.abi, "scheduleBatch", given)
calls = [call, {"to": lock.address, "value": "0", "data": "0x" + scheduled.hex()}]
print("proposal", propose(safe=safe, calls=calls, title="In words", actor="system:test").pk)
"""


@pytest.fixture(scope="module")
def words_path(stack: Stack) -> str:
    """One with a function, arguments and an amount, to be read and not signed."""
    said = stack.manage("shell", "-v0", "-c", PROPOSE_WORDS)
    found = re.search(r"proposal (\d+)", said)
    assert found, said
    return f"/governance/proposals/{found[1]}/"


def test_words_that_follow_from_the_bytes_match(page_of: Any, words_path: str) -> None:
    page = page_of()
    page.goto(words_path)
    expect(page.locator('[data-check="safeTx"]')).to_have_attribute("data-state", "match")
    expect(page.locator("#p-what")).to_be_visible()
    expect(page.locator("#mismatch")).to_be_hidden()
    names = page.locator("[data-call-name]").all_text_contents()
    assert names == ["settleAccounts()", "scheduleBatch()", "upgradeToAndCall()", "pause()"]
    expect(page.locator(".calls .calls .amount")).to_have_text(re.compile(r"2\.5"))
    expect(page.locator(".call-status").filter(has_text="code as it was registered")).not_to_have_count(0)


WORD_LIES = {
    "another argument": lambda body: re.sub(r'(data-argument="uint256">)7<', r"\g<1>8<", body),
    "another address in a list": lambda body: body.replace(f"[&quot;{DAN.address}", f"[&quot;{TREASURY.address}"),
    "an argument left out": lambda body: re.sub(r'<dd [^>]*data-argument="address\[\]".*?</dd>', "", body, flags=re.S),
    "another name": lambda body: body.replace("settleAccounts()", "pause()"),
    "words without a signature": lambda body: re.sub(r' data-signature="[^"]*"', "", body),
    "a smaller amount": lambda body: re.sub(r'(<span class="amount-fraction">)\.5', r"\g<1>.05", body),
    "no amount": lambda body: re.sub(r'<data class="amount".*?</data>', "nothing", body, flags=re.S),
    "another target in the sentence": lambda body: body.replace('class="address-text"', 'class="address-else"'),
    "another name of what is scheduled": lambda body: body.replace("upgradeToAndCall()", "pause()"),
    "what is scheduled left out": lambda body: re.sub(
        r'<ol class="calls calls-inner".*</ol>\s*</li></ol>', "</li></ol>", body, flags=re.S
    ),
    "a smaller amount scheduled": lambda body: re.sub(
        r'(<span class="group">)2(</span><span class="amount-fr)', r"\g<1>1\2", body
    ),
    "another operation": lambda body: body.replace("data-operation>call<", "data-operation>delegatecall<", 1),
    "another nonce above": lambda body: re.sub(r'(data-shown="nonce">)\d+', r"\g<1>999", body),
}


@pytest.mark.parametrize("kind", WORD_LIES)
def test_words_that_do_not_follow_from_the_bytes_block(page_of: Any, kind: str, words_path: str) -> None:
    page = page_of()
    page.route(re.compile(re.escape(words_path) + "$"), lying(WORD_LIES[kind]))
    page.goto(words_path)
    expect(page.locator("#mismatch")).to_be_visible()
    expect(page.locator("#mismatch li").first).not_to_be_empty()
