"""The devnet wallet cannot be had where the devnet is off, and passes on nothing that could do harm."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.template import Context, Template
from django.test import Client

from integrations.devnet.anvil import ROOT, Anvil
from integrations.devnet.chain import CHAIN_ID, KEYS

PATHS = ("/devnet/wallet.js", "/devnet/wallet/accounts.js", "/devnet/wallet/signer.js", "/devnet/wallet/wallet.css")
TAG = "{% load devnet %}{% devnet_wallet %}"


def _call(client: Client, method: str, *params: Any) -> dict[str, Any]:
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)})
    response = client.post("/devnet/rpc", body, content_type="application/json")
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    assert answer["id"] == 7
    return answer


@pytest.fixture
def chain(settings: Any) -> Iterator[Anvil]:
    with Anvil(mining="auto") as anvil:
        settings.DEVNET_RPC_URL = anvil.url
        yield anvil


def test_served_in_the_demo_and_the_tests(client: Client, settings: Any) -> None:
    for profile in ("demo", "test"):
        settings.PROFILE = profile
        for path in PATHS:
            response = client.get(path)
            assert response.status_code == 200
            assert response["Content-Type"].startswith(("text/javascript", "text/css"))
            assert client.get(path, headers={"If-None-Match": response["ETag"]}).status_code == 304
        assert Template(TAG).render(Context()) == '<script src="/devnet/wallet.js" type="module"></script>'
    assert KEYS[3].key in client.get("/devnet/wallet/accounts.js").content.decode()


@pytest.mark.parametrize(
    ("profile", "enabled"), [("demo", False), ("test", False), ("production", True), ("production", False)]
)
def test_not_served_where_the_devnet_is_off(client: Client, settings: Any, profile: str, enabled: bool) -> None:
    settings.PROFILE, settings.DEVNET_ENABLED = profile, enabled
    for path in PATHS:
        assert client.get(path).status_code == 404
    assert client.post("/devnet/rpc", "{}", content_type="application/json").status_code == 404
    assert Template(TAG).render(Context()) == ""


def test_not_served_by_a_real_production_process_even_if_told_to() -> None:
    code = (
        "import django; django.setup()\n"
        "from django.test import Client\n"
        "from django.conf import settings\n"
        "from django.template import Context, Template\n"
        "client = Client(headers={'host': 'desk.example'})\n"
        f"codes = [client.get(path, secure=True).status_code for path in {PATHS!r}]\n"
        "codes.append(client.post('/devnet/rpc', '{}', content_type='application/json', secure=True).status_code)\n"
        f"print(settings.PROFILE, settings.DEVNET_ENABLED, codes, repr(Template({TAG!r}).render(Context())))"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "BREAKGLASS_PROFILE": "production",
        "DEVNET_ENABLED": "true",
        "SECRET_KEY": "x" * 60,
        "FIELD_KEYS": django_settings.FIELD_KEYS[0],
        "PUBLIC_URL": "https://desk.example",
        "ALLOWED_HOSTS": "desk.example",
        "METRICS_TOKEN": "y" * 32,
        "EMAIL_HOST": "mail.example",
        "DEFAULT_FROM_EMAIL": "desk@desk.example",
    }
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.stdout.splitlines()[-1:] == ["production True [404, 404, 404, 404, 404] ''"], ended.stderr


def test_the_wallets_files_are_no_static_files() -> None:
    for name in ("wallet.js", "accounts.js", "signer.js", "js/wallet.js", "wallet/js/wallet.js"):
        assert not finders.find(name)


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fviews.py", "views.py", "__init__.py", "wallet"])
def test_only_the_wallets_own_files_are_served(client: Client, name: str) -> None:
    assert client.get(f"/devnet/wallet/{name}").status_code == 404


def test_reads_and_signed_transactions_are_passed_on(client: Client, chain: Anvil) -> None:
    assert _call(client, "eth_blockNumber")["result"] == "0x0"
    assert int(_call(client, "eth_getBalance", KEYS[1].address, "latest")["result"], 16) > 0
    refused = _call(client, "eth_sendRawTransaction", "0x02")
    assert refused["error"]["message"]


@pytest.mark.parametrize(
    "method", ["eth_sendTransaction", "eth_sign", "eth_accounts", "anvil_setBalance", "evm_mine", "debug_traceCall", 3]
)
def test_what_makes_the_node_sign_or_cheat_is_not_passed_on(client: Client, chain: Anvil, method: Any) -> None:
    assert _call(client, method)["error"]["code"] == -32601
    assert chain.rpc.block_number() == 0


@pytest.mark.parametrize("body", ["", "{", "[]", "7", '{"method": "eth_call", "params": {}}'])
def test_what_is_no_call_is_refused(client: Client, body: str) -> None:
    response = client.post("/devnet/rpc", body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["error"]["message"]


def test_another_sites_form_cannot_call(client: Client) -> None:
    body = '{"method": "eth_blockNumber", "params": []}'
    assert client.post("/devnet/rpc", body, content_type="text/plain").status_code == 400
    assert client.get("/devnet/rpc").status_code == 405


def test_an_endpoint_of_another_chain_gets_nothing(client: Client, settings: Any) -> None:
    with Anvil(mining="auto", chain_id=CHAIN_ID + 1) as other:
        settings.DEVNET_RPC_URL = other.url
        assert "not the devnet" in _call(client, "eth_blockNumber")["error"]["message"]
    assert "does not answer" in _call(client, "eth_blockNumber")["error"]["message"]
