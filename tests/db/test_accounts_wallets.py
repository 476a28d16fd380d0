"""Sign-In with Ethereum: our domain, this session, one use, a known chain, one wallet one person."""

import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.totp.internal.auth import TOTP
from django.db import connection
from django.test import Client
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from accounts.models import SignInNonce, User, Wallet
from accounts.wallets.chains import DEVNET_CHAIN_ID
from accounts.wallets.signin import new_nonce, verify
from ledger.errors import Refused
from tests.people import browser_of, person, wallet_of

pytestmark = pytest.mark.django_db
LOGIN = ("/accounts/wallet-login/message/", "/accounts/wallet-login/")
LINK = ("/accounts/wallets/message/", "/accounts/wallets/link/")


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


def message(
    client: Client, account: LocalAccount, paths: tuple[str, str] = LOGIN, chain_id: int = DEVNET_CHAIN_ID
) -> str:
    answer = post(client, paths[0], {"address": account.address.lower(), "chain_id": chain_id})
    assert answer.status_code == 200, answer.content
    return str(answer.json()["message"])


def sign(account: LocalAccount, text: str) -> str:
    return "0x" + account.sign_message(encode_defunct(text=text)).signature.hex()


def refused(answer: Any, field_or_code: str) -> None:
    assert answer.status_code in (400, 409), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert field_or_code in (body["errors"][0]["field"], body["type"].rpartition(":")[2]), body


def test_a_signer_comes_in_by_wallet_alone() -> None:
    carol = person("carol", "responder")
    account, client = wallet_of(carol), Client()
    text = message(client, account)
    assert text.startswith("localhost:8000 wants you to sign in with your Ethereum account:\n" + account.address)
    assert f"Chain ID: {DEVNET_CHAIN_ID}" in text and "Expiration Time:" in text
    answer = post(client, LOGIN[1], {"message": text, "signature": sign(account, text), "next": "/approvals/"})
    assert answer.json() == {"redirect": "/approvals/"}
    assert client.session["_auth_user_id"] == str(carol.pk)
    records = client.session["account_authentication_methods"]
    assert (records[-1]["method"], records[-1]["address"]) == ("wallet", account.address)


def test_a_wallet_asks_for_no_second_factor_and_a_password_still_does() -> None:
    carol = person("carol", "responder", with_password=True)
    TOTP.activate(carol, "A" * 32)
    account, client = wallet_of(carol), Client()
    client.post("/accounts/login/", {"login": "carol", "password": "a long enough password"})
    assert "_auth_user_id" not in client.session
    client = Client()
    text = message(client, account)
    post(client, LOGIN[1], {"message": text, "signature": sign(account, text)})
    assert client.session["_auth_user_id"] == str(carol.pk)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", 5, None])
def test_it_never_leads_away_from_here(target: Any) -> None:
    account, client = wallet_of(person()), Client()
    text = message(client, account)
    answer = post(client, LOGIN[1], {"message": text, "signature": sign(account, text), "next": target})
    assert answer.json() == {"redirect": "/"}


def test_an_unknown_wallet_and_a_deactivated_persons_wallet_stay_outside() -> None:
    gone = person()
    held = wallet_of(gone)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    for account in (Account.create(), held):
        client = Client()
        text = message(client, account)
        refused(post(client, LOGIN[1], {"message": text, "signature": sign(account, text)}), "no-account")
        assert "_auth_user_id" not in client.session


def test_a_message_works_once_in_its_own_session_only() -> None:
    account, client = wallet_of(person()), Client()
    text = message(client, account)
    body = {"message": text, "signature": sign(account, text)}
    refused(post(Client(), LOGIN[1], body), "nonce")  # stolen and brought to another browser
    assert post(client, LOGIN[1], body).status_code == 200
    client.logout()
    refused(post(client, LOGIN[1], body), "nonce")


def test_an_older_message_falls_with_the_newer_one() -> None:
    account, client = wallet_of(person()), Client()
    old, new = message(client, account), message(client, account)
    refused(post(client, LOGIN[1], {"message": old, "signature": sign(account, old)}), "message")
    refused(post(client, LOGIN[1], {"message": new, "signature": sign(account, new)}), "nonce")


def test_it_expires() -> None:
    account, client = wallet_of(person()), Client()
    text = message(client, account)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6)):
        refused(post(client, LOGIN[1], {"message": text, "signature": sign(account, text)}), "nonce")


def test_a_login_message_does_not_link_and_a_link_message_does_not_log_in() -> None:
    ana, account = person(), Account.create()
    client = browser_of(ana)
    text = message(client, account, LOGIN)
    refused(post(client, LINK[1], {"message": text, "signature": sign(account, text)}), "nonce")
    assert not Wallet.objects.exists()


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"^localhost:8000", "evil.example"),
        (r"URI: http://localhost:8000", "URI: http://evil.example"),
        (r"Nonce: \w+", "Nonce: 0123456789abcdef01234567"),
        (r"Sign in to Breakglass\.", "Give away everything."),
        (r"Chain ID: \d+", "Chain ID: 999999"),
        (r"Version: 1", "Version: 2"),
        (r"\nExpiration Time: .*", ""),
        (r"\A", "ftp://"),
        (r"\A[\s\S]*\Z", "hello"),
        (r"\A[\s\S]*\Z", "x" * 3000),
    ],
)
def test_a_message_that_is_not_ours_is_refused_even_when_well_signed(pattern: str, replacement: str) -> None:
    account, client = wallet_of(person()), Client()
    text = message(client, account)
    changed = re.sub(pattern, replacement, text, count=1)
    assert changed != text
    answer = post(client, LOGIN[1], {"message": changed, "signature": sign(account, changed)})
    assert answer.status_code == 400 and "_auth_user_id" not in client.session


@pytest.mark.parametrize("signature", ["0x", "", "0x" + "00" * 65, "0x" + "ff" * 65, "zz", "0x" + "ab" * 200, None, 7])
def test_a_signature_that_is_none_is_named(signature: Any) -> None:
    account, client = wallet_of(person()), Client()
    text = message(client, account)
    refused(post(client, LOGIN[1], {"message": text, "signature": signature}), "signature")


def test_anothers_signature_is_refused() -> None:
    account, client = wallet_of(person()), Client()
    text = message(client, account)
    refused(post(client, LOGIN[1], {"message": text, "signature": sign(Account.create(), text)}), "signature")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"address": "0x12", "chain_id": DEVNET_CHAIN_ID}, "address"),
        ({"address": 5, "chain_id": DEVNET_CHAIN_ID}, "address"),
        ({"address": "0x" + "11" * 20, "chain_id": 999999}, "chain_id"),
        ({"address": "0x" + "11" * 20, "chain_id": True}, "chain_id"),
        ({"address": "0x" + "11" * 20, "chain_id": -1}, "chain_id"),
        ({"address": "0x" + "11" * 20}, "chain_id"),
    ],
)
def test_a_bad_question_names_its_field(body: dict[str, Any], field: str) -> None:
    refused(post(Client(), LOGIN[0], body), field)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_a_400(body: bytes) -> None:
    answer = Client().generic("POST", LOGIN[0], body, "application/json")
    assert answer.status_code == 400 and answer.json()["type"].endswith("malformed")


def test_linking_proves_and_one_wallet_has_one_person() -> None:
    ana, ben, account = person(), person(), Account.create()
    for user, status in ((ana, 200), (ana, 200), (ben, 409)):
        client = browser_of(user)
        text = message(client, account, LINK)
        answer = post(client, LINK[1], {"message": text, "signature": sign(account, text)})
        assert answer.status_code == status, answer.content
    assert Wallet.objects.get().user == ana and Wallet.objects.get().address == account.address


def test_linking_needs_a_login() -> None:
    assert post(Client(), LINK[0], {"address": "0x" + "11" * 20, "chain_id": 1}).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_one_nonce_used_by_many_at_once_works_once() -> None:
    account, client = Account.create(), Client()
    text = message(client, account)
    nonce, signature = client.session["siwe_nonce"], sign(account, text)
    gate, results = threading.Barrier(6), []

    def use() -> None:
        try:
            gate.wait(10)
            results.append(verify(text=text, signature=signature, nonce=nonce, purpose="login"))
        except Refused:
            results.append("")
        finally:
            connection.close()

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(results) == [""] * 5 + [account.address]


def test_old_nonces_are_swept_away() -> None:
    new_nonce(purpose="login")
    SignInNonce.objects.update(expires_at=datetime.now(UTC) - timedelta(days=2))
    new_nonce(purpose="login")
    assert SignInNonce.objects.count() == 1


def test_too_many_attempts_are_stopped(settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"wallet": "3/m/ip"}
    client = Client(REMOTE_ADDR="203.0.113.7")
    answers = [post(client, LOGIN[0], {}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]
