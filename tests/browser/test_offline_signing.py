"""Signing without trusting the server: changed code is refused, changed answers block, sign.html needs neither."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from config.templatetags.look import chunks
from integrations.chain.hashing import keccak
from integrations.devnet.chain import CHAIN_ID, DAN, TREASURY
from integrations.safe.hashes import SafeTx, domain_separator, message_hash, safe_tx_hash
from tests.browser.test_proposal_page import DESK, PHONE, WALLET, Wallet, make_proposal, page_of, sessions
from tests.stack import ROOT, Stack
from tests.unit.test_proposal_hashes import raw_of

__all__ = ["page_of", "sessions"]
SIGN_HTML = (ROOT / "tools/sign.html").as_uri()
FIELDS = re.compile(r'(<script id="proposal-fields" type="application/json">)(.*?)(</script>)', re.DOTALL)
HASHES = {"domain": domain_separator, "message": message_hash, "safeTx": safe_tx_hash}


@pytest.fixture(scope="module")
def path(stack: Stack) -> str:
    """A proposal that nobody signs before the last test."""
    return make_proposal(stack, "Signed elsewhere")


# --- code that was changed on its way


@pytest.mark.parametrize("module", ["js/sign.js", "js/sign-check.js", "npm/@noble/hashes/_u64.js"])
def test_a_module_that_was_changed_on_its_way_is_refused(page_of: Any, path: str, module: str) -> None:
    """The page's own, one that it imports, and one three imports away: one byte more, and nothing can be signed."""
    wallet = Wallet(TREASURY.key)
    page: Page = page_of(wallet)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))

    def change(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + "\n")

    page.route(re.compile(re.escape(f"/static/{module}")), change)
    page.goto(path)
    expect(page.locator(".sign-unchecked")).to_be_visible()
    expect(page.locator("[data-sign]")).to_be_disabled()
    expect(page.locator('[data-check="safeTx"]')).not_to_have_attribute("data-state", "match")
    assert any("integrity" in text and module in text for text in said), said
    assert wallet.asked == []


# --- answers that were changed


def tx_of(raw: dict[str, Any]) -> SafeTx:
    return SafeTx(
        int(raw["chainId"]),
        raw["safe"],
        raw["version"],
        raw["to"],
        int(raw["value"]),
        bytes.fromhex(raw["data"][2:]),
        raw["operation"],
        int(raw["safeTxGas"]),
        int(raw["baseGas"]),
        int(raw["gasPrice"]),
        raw["gasToken"],
        raw["refundReceiver"],
        int(raw["nonce"]),
    )


OTHERS: dict[str, Callable[[SafeTx], SafeTx]] = {
    "chainId": lambda tx: replace(tx, chain_id=1),
    "safe": lambda tx: replace(tx, safe=DAN.address),
    "version": lambda tx: replace(tx, version="1.3.0" if tx.version != "1.3.0" else "1.4.1"),
    "to": lambda tx: replace(tx, to=TREASURY.address),
    "value": lambda tx: replace(tx, value=10**18),
    "data": lambda tx: replace(tx, data=bytes.fromhex("8456cb59")),
    "operation": lambda tx: replace(tx, operation=1),
    "safeTxGas": lambda tx: replace(tx, safe_tx_gas=1),
    "baseGas": lambda tx: replace(tx, base_gas=1),
    "gasPrice": lambda tx: replace(tx, gas_price=1),
    "gasToken": lambda tx: replace(tx, gas_token=TREASURY.address),
    "refundReceiver": lambda tx: replace(tx, refund_receiver=TREASURY.address),
    "nonce": lambda tx: replace(tx, nonce=tx.nonce + 1),
}


def lie(body: str, field: str, *, hashes: bool) -> str:
    """Another transaction behind the same page; with `hashes` its hashes are shown too, and only the words lie."""
    found = FIELDS.search(body)
    assert found
    given = json.loads(found[2])
    real = tx_of(given["fields"])
    other = OTHERS[field](real)
    given["fields"] = raw_of(other)
    body = body.replace(found[0], found[1] + json.dumps(given) + found[3])
    if hashes:
        for compute in HASHES.values():
            body = body.replace(str(chunks(compute(real))), str(chunks(compute(other))))
    return body


def test_whatever_a_hostile_server_changes_the_page_blocks(page_of: Any, path: str) -> None:
    """Every field, alone and with hashes that fit it: words or values shown are then others than the fields give."""
    wallet = Wallet(TREASURY.key)
    page: Page = page_of(wallet)
    honest = page.request.get(path)
    body = honest.text()
    told: list[str] = []
    page.route(re.compile(re.escape(path) + "$"), lambda route: route.fulfill(response=honest, body=told[-1]))
    for field, hashes in [("to", False), ("nonce", False), *((field, True) for field in OTHERS)]:
        told.append(lie(body, field, hashes=hashes))
        assert told[-1] != body, "the lie was not told"
        page.goto(path)
        expect(page.locator("#mismatch"), f"{field}, {hashes=}").to_be_visible()
        expect(page.locator("[data-sign]")).to_be_hidden()
        # A hash that fits is no comfort: what is shown in words and values is not what it is the hash of.
        state = page.locator('[data-check="safeTx"]').get_attribute("data-state")
        assert state == ("match" if hashes else "mismatch")
    assert wallet.asked == []


# --- without the server


@pytest.fixture
def offline(browser: Browser) -> Iterator[Callable[..., Page]]:
    """sign.html from the disk, in a browser without a network; whatever it asks for is an error."""
    opened = []

    def open_page(wallet: Wallet | None = None, viewport: Any = PHONE, watch: bool = True) -> Page:
        context = browser.new_context(viewport=viewport, offline=True)
        opened.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url) if watch else None)
        page.on("pageerror", lambda error: asked.append(str(error)))
        if wallet is not None:
            page.expose_binding("testWallet", wallet.answer)
            page.add_init_script(script=WALLET)
        page.goto(SIGN_HTML)
        return page

    asked: list[str] = []
    yield open_page
    for context in opened:
        context.close()
    assert {url for url in asked if url != SIGN_HTML} == set()


def read(page: Page, bundle: dict[str, Any]) -> None:
    page.get_by_label("The bundle of the proposal, pasted").fill(json.dumps(bundle))
    page.get_by_role("button", name="Check it").click()


def shown(page: Page, name: str) -> str:
    return re.sub(r"\s", "", page.locator(f'[data-hash="{name}"] code').text_content() or "")


def test_sign_html_disagrees_with_a_hostile_server(page_of: Any, offline: Any, path: str) -> None:
    bundle = page_of().request.get(f"{path}bundle.json").json()
    page = offline(viewport=DESK)
    verdict = page.locator("#verdict")
    for field, other in OTHERS.items():
        read(page, {**bundle, "fields": raw_of(other(tx_of(bundle["fields"])))})
        if field == "version":  # in no hash: what follows from the fields is the same
            continue
        expect(verdict, field).to_contain_text("Do not sign.")
        expect(page.locator("#found")).to_be_hidden()
    read(page, bundle)
    expect(verdict).to_be_hidden()
    expect(page.locator("#calls")).to_contain_text(f"empty call to {DAN.address}")
    # Consistent in itself, but not what the server's page shows: somebody's other device tells.
    page.get_by_label("The hash that the proposal's page shows").fill("0x" + "11" * 32)
    expect(page.locator("#compared")).to_contain_text("Do not sign")
    expect(page.get_by_role("button", name="Sign with a wallet")).to_be_disabled()


def test_typed_fields_give_what_the_bundle_gives(page_of: Any, offline: Any, path: str) -> None:
    bundle = page_of().request.get(f"{path}bundle.json").json()
    page = offline()
    page.get_by_text("Type the fields instead").click()
    for name, value in bundle["fields"].items():
        page.get_by_label(name, exact=True).fill(str(value))
    page.get_by_role("button", name="Check the fields").click()
    assert {name: shown(page, name) for name in HASHES} == bundle["hashes"]
    page.get_by_label("nonce", exact=True).fill("three")
    expect(page.locator("#found")).to_be_hidden()
    page.get_by_role("button", name="Check the fields").click()
    expect(page.locator("#verdict")).to_contain_text("nonce: not a whole number")


def test_nothing_leaves_sign_html(offline: Any) -> None:
    page = offline(watch=False)
    tried = page.evaluate(
        """async () => {
      const blocked = [];
      document.addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
      await fetch("https://example.org/").catch(() => {});
      document.body.append(Object.assign(new Image(), { src: "https://example.org/x.png" }));
      document.body.append(Object.assign(document.createElement("script"), { textContent: "window.ran = true" }));
      await new Promise((done) => setTimeout(done, 50));
      return { blocked, ran: window.ran ?? false };
    }"""
    )
    assert {"connect-src", "img-src", "script-src-elem"} <= set(tried["blocked"])
    assert tried["ran"] is False


def test_a_signature_made_in_sign_html_is_taken_and_executed(page_of: Any, offline: Any, path: str) -> None:
    """From the exported bundle to the pasted signature; the two never meet but by a person's hands."""
    signer: Page = page_of(viewport=DESK)
    signer.goto(path)
    bundle = signer.request.get(f"{path}bundle.json").json()
    wallet = Wallet(TREASURY.key)
    page = offline(wallet)
    read(page, bundle)
    assert {name: shown(page, name) for name in HASHES} == bundle["hashes"]
    page.get_by_label("The hash that the proposal's page shows").fill(bundle["hashes"]["safeTx"])
    expect(page.locator("#compared")).to_contain_text("✓")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Sign with a wallet").click()
    expect(page.locator("#said")).to_contain_text(f"Signed by {TREASURY.address}")
    expect(page.get_by_role("img", name="The signature as a QR code")).to_be_visible()
    signature = page.get_by_label("The signature", exact=True).input_value()
    assert len(signature) == 132 and wallet.asked[0]["primaryType"] == "SafeTx"
    signer.locator("[data-paste]").click()
    signer.get_by_label("Signature").fill(signature)
    signer.get_by_role("button", name="Add the signature").click()
    expect(signer.locator("#proposal-status")).to_have_attribute("data-status", "executed", timeout=30_000)


def test_a_wallet_that_signs_something_else_is_found_out(offline: Any, page_of: Any, path: str) -> None:
    bundle = page_of().request.get(f"{path}bundle.json").json()

    class Liar(Wallet):
        def answer(self, source: Any, text: str) -> str:
            if json.loads(text)["method"] != "eth_signTypedData_v4":
                return super().answer(source, text)
            signed = self.account.unsafe_sign_hash(keccak(b"something else"))
            return json.dumps({"result": "0x" + bytes(signed.signature).hex()})

    page = offline(Liar(TREASURY.key, CHAIN_ID))
    read(page, bundle)
    page.get_by_role("button", name="Sign with a wallet").click()
    expect(page.locator("#said")).to_contain_text("The wallet did not sign this")
    expect(page.locator("#signature")).to_be_hidden()
