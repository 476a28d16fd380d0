"""Passkeys, wallets and approvals as people use them: a real Chromium, a real authenticator's protocol, real keys."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_account.signers.local import LocalAccount
from playwright.sync_api import BrowserContext, Page, expect

from accounts.approvals import is_satisfied, request_approval
from accounts.approvals.models import Approval, Decision
from accounts.models import User, Wallet
from accounts.wallets.chains import DEVNET_CHAIN_ID
from tests.people import PASSWORD, person, wallet_of

pytestmark = [pytest.mark.django_db(transaction=True)]
HASH = "0x" + "ab" * 32


@pytest.fixture(autouse=True)
def _world(live_server: Any, settings: Any) -> None:
    """The server of the test is the one that messages and mails name."""
    settings.PUBLIC_URL = live_server.url
    settings.CSRF_TRUSTED_ORIGINS = [live_server.url]


@pytest.fixture
def watched(page: Page) -> Iterator[Page]:
    """A page whose errors and blocked scripts fail the test."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if "Security Policy" in message.text else None)
    page.set_default_timeout(15_000)
    yield page
    assert wrong == []


def with_authenticator(context: BrowserContext, page: Page) -> Any:
    """A device with a passkey store and a finger that is always right."""
    cdp = context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    found = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return cdp, found["authenticatorId"]


def log_in(page: Page, url: str, username: str) -> None:
    page.goto(f"{url}/accounts/login/")
    page.get_by_label("Username or email").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(lambda address: "login" not in address)


def log_out(page: Page, url: str) -> None:
    page.goto(f"{url}/accounts/logout/")
    page.locator("main").get_by_role("button").click()
    page.wait_for_url("**/accounts/login/")


def add_passkey(page: Page, url: str) -> None:
    page.goto(f"{url}/accounts/2fa/webauthn/add/")
    if "reauthenticate" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
        page.wait_for_url("**/webauthn/add/")
    page.get_by_label("Name").fill("Laptop")
    expect(page.get_by_label("Sign in with it alone")).to_be_checked()
    page.locator("#mfa_webauthn_add").click()
    page.wait_for_url("**/recovery-codes/")


def test_a_passkey_is_added_logs_in_by_itself_and_approves(
    watched: Page, context: BrowserContext, live_server: Any
) -> None:
    page, url = watched, live_server.url
    ana, asker = person("ana", "commander", with_password=True), person("ben", "commander")
    approval = request_approval(
        subject="run:3", subject_hash=HASH, scope=None, required=1, role="commander", requester=asker,
        needs="passkey", title="Upgrade the vault", actor=asker.actor,
    )  # fmt: skip
    with_authenticator(context, page)
    log_in(page, url, "ana")
    add_passkey(page, url)
    expect(page.locator("pre")).to_contain_text(re.compile(r"\w{4}"))
    page.goto(f"{url}/accounts/me/")
    expect(page.get_by_text("Laptop")).to_be_visible()
    log_out(page, url)

    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(lambda address: "login" not in address)
    page.goto(f"{url}/accounts/me/")
    expect(page.locator("h1")).to_have_text("Ana")

    # A login by passkey is a fresh passkey; once it is stale, the press asks for it and then goes on by itself.
    make_stale(ana)
    page.goto(f"{url}/approvals/{approval.pk}/")
    page.get_by_role("button", name="Approve with a passkey").click()
    page.wait_for_url("**/reauthenticate/**")
    assert not Decision.objects.exists()
    page.locator("#mfa_webauthn_reauthenticate").click()
    page.wait_for_url(f"**/approvals/{approval.pk}/")
    expect(page.get_by_text("1 of 1")).to_be_visible()
    assert Decision.objects.get().passkey_at is not None and is_satisfied("run:3", HASH)


def make_stale(user: User) -> None:
    from django.contrib.sessions.models import Session

    for session in Session.objects.all():
        data = session.get_decoded()
        if data.get("_auth_user_id") == str(user.pk):
            for record in data["account_authentication_methods"]:
                record["at"] -= 3600
            session.session_data = Session.objects.encode(data)
            session.save()


def test_a_passkey_is_the_second_factor_after_a_password(
    watched: Page, context: BrowserContext, live_server: Any
) -> None:
    page, url = watched, live_server.url
    person("ana", "commander", with_password=True)
    with_authenticator(context, page)
    log_in(page, url, "ana")
    add_passkey(page, url)
    log_out(page, url)
    page.get_by_label("Username or email").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/authenticate/**")
    page.locator("#mfa_webauthn_authenticate").click()
    page.wait_for_url(lambda address: "authenticate" not in address)
    page.goto(f"{url}/accounts/me/")
    expect(page.locator("h1")).to_have_text("Ana")


def test_a_cancelled_ceremony_says_so(watched: Page, context: BrowserContext, live_server: Any) -> None:
    page, url = watched, live_server.url
    cdp, device = with_authenticator(context, page)
    page.goto(f"{url}/accounts/login/")
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("Nothing was changed; try again.")).to_be_visible()


def test_an_authenticator_app_is_set_up_with_its_picture(watched: Page, live_server: Any) -> None:
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

    page, url = watched, live_server.url
    ana = person("ana", "responder", with_password=True)
    log_in(page, url, "ana")
    page.goto(f"{url}/accounts/2fa/totp/activate/")
    if "reauthenticate" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
    picture = page.locator("main img")
    assert picture.evaluate("image => image.naturalWidth") > 50
    secret = page.locator("#authenticator_secret").input_value()
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
    page.get_by_label("Authenticator code").fill(code)
    page.get_by_role("button", name="Activate").click()
    page.wait_for_url("**/recovery-codes/")
    stored = ana.authenticator_set.get(type="totp").data["secret"]
    assert secret not in stored  # encrypted at rest


# --- wallets --------------------------------------------------------------------------------------------------------

ANNOUNCE = """
for (const [uuid, name] of %s) {
  const provider = {request: (call) => window.fakeWallet(uuid, JSON.stringify(call)).then((told) => {
    const answer = JSON.parse(told);
    if (answer.error) throw Object.assign(new Error("refused"), answer.error);
    return answer.result;
  })};
  const icon = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>";
  const detail = Object.freeze({info: {uuid, name, icon, rdns: "test." + uuid}, provider});
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", {detail}));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
}
"""


class FakeWallets:
    """Wallets that announce themselves and sign in Python with real keys."""

    def __init__(self, page: Page, accounts: dict[str, LocalAccount], chain_id: int = DEVNET_CHAIN_ID) -> None:
        self.accounts, self.chain_id, self.cancels = accounts, chain_id, False
        self.seen: list[str] = []
        page.context.expose_binding("fakeWallet", lambda _source, name, call: self.answer(name, json.loads(call)))
        page.add_init_script(ANNOUNCE % json.dumps([[name, f"Wallet {name}"] for name in accounts]))

    def answer(self, name: str, call: dict[str, Any]) -> str:
        account, params = self.accounts[name], call.get("params") or []
        self.seen.append(call["method"])
        if call["method"] == "eth_requestAccounts":
            return json.dumps({"result": [account.address.lower()]})
        if call["method"] == "eth_chainId":
            return json.dumps({"result": hex(self.chain_id)})
        if self.cancels:
            return json.dumps({"error": {"code": 4001}})
        if call["method"] == "personal_sign":
            signed = account.sign_message(encode_defunct(hexstr=params[0]))
        else:
            signed = account.sign_message(encode_typed_data(full_message=json.loads(params[1])))
        return json.dumps({"result": "0x" + signed.signature.hex()})


def test_a_wallet_is_linked_and_then_logs_in_by_itself(watched: Page, live_server: Any) -> None:
    page, url, account = watched, live_server.url, Account.create()
    carol = person("carol", "responder", with_password=True)
    wallets = FakeWallets(page, {"one": account})
    log_in(page, url, "carol")
    page.goto(f"{url}/accounts/wallets/")
    page.get_by_role("button", name="Link a wallet").click()
    page.get_by_role("button", name="Wallet one").click()  # the devnet's announces itself too
    expect(page.get_by_role("button", name=f"Unlink {account.address}")).to_be_visible()
    assert Wallet.objects.get().user == carol
    log_out(page, url)
    page.goto(f"{url}/accounts/login/?next=/accounts/me/")
    page.get_by_role("button", name="Sign in with a wallet").click()
    page.get_by_role("button", name="Wallet one").click()
    page.wait_for_url("**/accounts/me/")
    expect(page.locator("h1")).to_have_text("Carol")
    assert wallets.seen.count("personal_sign") == 2


def test_several_wallets_are_offered_and_strangers_and_wrong_chains_are_told(watched: Page, live_server: Any) -> None:
    page, url = watched, live_server.url
    known, stranger = wallet_of(person("carol", "responder")), Account.create()
    wallets = FakeWallets(page, {"known": known, "stranger": stranger})
    page.goto(f"{url}/accounts/login/")
    button = page.get_by_role("button", name="Sign in with a wallet")
    button.click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("You cancelled it")).to_be_visible()
    button.click()
    page.get_by_role("button", name="Wallet stranger").click()
    expect(page.get_by_text("no account is linked to this wallet")).to_be_visible()
    wallets.chain_id = 5
    button.click()
    page.get_by_role("button", name="Wallet known").click()
    expect(page.get_by_text("chain 5 is not known here")).to_be_visible()
    wallets.chain_id, wallets.cancels = DEVNET_CHAIN_ID, True
    button.click()
    page.get_by_role("button", name="Wallet known").click()
    expect(page.get_by_text("You cancelled it")).to_be_visible()
    wallets.cancels = False
    button.click()
    page.get_by_role("button", name="Wallet known").click()
    page.wait_for_url(lambda address: "login" not in address)


def test_without_a_wallet_the_button_says_so(watched: Page, live_server: Any, settings: Any) -> None:
    settings.DEVNET_ENABLED = False  # as in production, where nothing of ours announces itself
    watched.goto(f"{live_server.url}/accounts/login/")
    watched.get_by_role("button", name="Sign in with a wallet").click()
    expect(watched.get_by_text("No wallet was found in this browser")).to_be_visible()


def test_an_approval_is_signed_with_a_wallet_on_a_phone(watched: Page, live_server: Any) -> None:
    page, url = watched, live_server.url
    page.set_viewport_size({"width": 390, "height": 844})
    ana, asker, account = person("ana", "commander", with_password=True), person("ben", "commander"), Account.create()
    approval = request_approval(
        subject="run:3", subject_hash=HASH, scope=None, required=1, role="commander", requester=asker,
        needs="wallet", title="Pause the vault", actor=asker.actor,
    )  # fmt: skip
    wallets = FakeWallets(page, {"one": account})
    log_in(page, url, "ana")
    page.goto(f"{url}/approvals/{approval.pk}/")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    button = page.get_by_role("button", name="Approve with a wallet")
    expect(button).to_be_in_viewport()
    button.click()
    page.get_by_role("button", name="Wallet one").click()  # it is nobody's yet
    expect(page.get_by_text("is not a wallet of yours")).to_be_visible()
    assert not Decision.objects.exists()
    wallet_of(ana, account)
    page.goto(f"{url}/approvals/{approval.pk}/")
    page.get_by_role("button", name="Approve with a wallet").click()
    page.get_by_role("button", name="Wallet one").click()
    expect(page.get_by_text("1 of 1")).to_be_visible()
    assert Decision.objects.get().wallet == account.address and is_satisfied("run:3", HASH)
    assert wallets.seen.count("eth_signTypedData_v4") == 2


def test_an_approval_is_refused_with_a_reason(watched: Page, live_server: Any) -> None:
    page, url = watched, live_server.url
    asker = person("ben", "commander")
    person("ana", "commander", with_password=True)
    request_approval(
        subject="run:3", subject_hash=HASH, scope=None, required=1, role="commander", requester=asker,
        title="Pause the vault", actor=asker.actor,
    )  # fmt: skip
    log_in(page, url, "ana")
    page.goto(f"{url}/approvals/")
    page.get_by_role("link", name="Pause the vault").first.click()
    page.get_by_text("Refuse", exact=True).click()
    page.get_by_label("Why not").fill("the feed is back")
    page.get_by_role("button", name="Refuse it").click()
    expect(page.get_by_text("the feed is back")).to_be_visible()
    assert Approval.objects.get().status == "refused" and not is_satisfied("run:3", HASH)
