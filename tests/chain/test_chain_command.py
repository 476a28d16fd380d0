"""`manage.py chain`: a chain set up from nothing, without Python; secrets from files and standard input alone."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from eth_account import Account

from integrations.chain.executors import open_account
from integrations.chain.models import Chain, Endpoint, Executor
from integrations.devnet.anvil import Anvil
from integrations.devnet.chain import CHAIN_ID, KEYS
from integrations.devnet.proxy import HangUp, RpcProxy
from ledger.models import Event
from tests.chain.transactions import drive, due_now, increment, put_counter
from tests.signerserver import SignerServer

pytestmark = pytest.mark.django_db(transaction=True)
ID = str(CHAIN_ID)


@pytest.fixture
def node(anvil: Anvil) -> Iterator[Anvil]:
    put_counter(anvil.rpc)
    yield anvil


class Terminal:
    """What somebody types, and what they see."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, *words: Any, typed: str = "") -> str:
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        out = io.StringIO()
        call_command("chain", *(str(word) for word in words), stdout=out)
        return out.getvalue()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(monkeypatch)


def add(run: Terminal, *more: Any) -> None:
    run("add", ID, "--name", "Our devnet", "--short-name", "ours", "--kind", "devnet", "--block-time", 1, *more)


def test_a_chain_is_set_up_from_nothing_and_sends(run: Terminal, node: Anvil, tmp_path: Path) -> None:
    assert "chain add" in run("list")
    add(run, "--finality-depth", 3, "--max-fee", "250.5", "--bump", "10", "--low-balance", "0.25", "--prefer-private")
    url = f"{node.url}/?key=provider-key"
    assert "sealed" in run("endpoint", "add", ID, "--label", "first", typed=url + "\n")
    second = tmp_path / "second"
    with RpcProxy(node.url) as proxy:
        second.write_text(proxy.url)
        run("endpoint", "add", ID, "--label", "relay", "--url-file", second, "--private", "--priority", 3)
        key = tmp_path / "key"
        account = Account.create()
        key.write_text("0x" + bytes(account.key).hex())
        run("executor", "add", ID, "--label", "payer", "--environment", "devnet", "--key-file", key)
        chain = Chain.objects.get()
        assert (chain.max_fee_per_gas, chain.bump_permille, chain.low_balance) == (250_500_000_000, 100, 25 * 10**16)
        assert chain.prefers_private is True
        with pytest.raises(SystemExit):
            run("check")  # the executor has no gas yet
        node.rpc("anvil_setBalance", account.address, hex(10**18))
        shown = run("check", "--chain", ID)
        assert "? endpoints: one alone is believed" in shown
        assert "private endpoint relay: for 3 blocks, then everybody" in shown
        executor = Executor.objects.select_related("chain").get()
        tx = drive(increment(executor), "mined")
        assert (tx.private, tx.public_at) == (True, None)
        listed = run("list") + run("status")
    assert "private endpoint relay, priority 3" in listed
    everything = f"{listed} {shown} {list(Event.objects.values())} {list(Executor.objects.values())}"
    assert "provider-key" not in everything
    assert bytes(account.key).hex() not in everything
    with connection.cursor() as cursor:
        cursor.execute("SELECT url, mark FROM integrations_endpoint")
        assert "provider-key" not in str(cursor.fetchall())


def test_what_is_wrong_is_said_and_changes_nothing(run: Terminal, node: Anvil, tmp_path: Path) -> None:
    def refused(*words: Any, typed: str = "") -> str:
        before = (Chain.objects.count(), Endpoint.objects.count(), Executor.objects.count(), Event.objects.count())
        with pytest.raises(CommandError) as error:
            run(*words, typed=typed)
        after = (Chain.objects.count(), Endpoint.objects.count(), Executor.objects.count(), Event.objects.count())
        assert before == after
        return str(error.value)

    assert "live chain's id" in refused("add", "1", "--name", "x", "--short-name", "x", "--kind", "devnet")
    assert "finality_depth" in refused(
        "add", ID, "--name", "x", "--short-name", "x", "--kind", "devnet", "--confirmations", 9, "--finality-depth", 3
    )
    assert "bump" in refused("add", ID, "--name", "x", "--short-name", "x", "--kind", "devnet", "--bump", "5")
    assert "max-fee" in refused("add", ID, "--name", "x", "--short-name", "x", "--max-fee", "-1")
    assert "Chain 5 is not set up" in refused("endpoint", "add", "5", "--label", "x", typed=node.url)
    add(run)
    assert "set up already" in refused("add", ID, "--name", "y", "--short-name", "y", "--kind", "devnet")
    endpoint = ("endpoint", "add", ID, "--label")
    assert "Nothing is there" in refused(*endpoint, "x")
    assert "not the address" in refused(*endpoint, "x", "--unchecked", typed="ftp://x")
    assert "does not answer" in refused(*endpoint, "x", "--timeout", 1, typed="http://127.0.0.1:9/secret-key")
    with Anvil(mining="manual", chain_id=4242) as other:
        words = refused(*endpoint, "x", typed=f"{other.url}/?key=secret-key")
    assert "serves chain 4242" in words
    assert "secret-key" not in words
    run(*endpoint, "first", typed=node.url)
    assert "already" in refused(*endpoint, "second", typed=node.url)
    assert "one of: first" in refused("endpoint", "remove", ID, "second")
    executor = ("executor", "add", ID, "--label", "payer")
    assert "does not sign for a devnet chain" in refused(*executor, "--new")
    key = tmp_path / "key"
    key.write_text("0x1234")
    assert "not a private key" in refused(*executor, "--environment", "devnet", "--key-file", key)
    assert "cannot be read" in refused(*executor, "--environment", "devnet", "--key-file", tmp_path / "nowhere")
    assert "address" in refused(
        *executor, "--environment", "devnet", "--signer-url-file", "-", typed="http://127.0.0.1:1"
    )


def test_an_encrypted_keystore_is_opened_once_and_sealed(run: Terminal, node: Anvil, tmp_path: Path) -> None:
    add(run)
    account = Account.create()
    file = tmp_path / "keystore.json"
    file.write_text(json.dumps(Account.encrypt(account.key, "open sesame", kdf="pbkdf2", iterations=1_000)))
    words = ("executor", "add", ID, "--label", "payer", "--environment", "devnet", "--keystore-file", file)
    with pytest.raises(CommandError, match="does not open"):
        run(*words, typed="wrong\n")
    run(*words, typed="open sesame\n")
    assert open_account(Executor.objects.select_related("chain").get()).address == account.address
    greedy = json.loads(file.read_text())
    greedy["crypto"]["kdfparams"]["c"] = 2**31
    file.write_text(json.dumps(greedy))
    with pytest.raises(CommandError, match="take too long"):
        run(*words, typed="open sesame\n")


def test_a_remote_signer_is_added_checked_and_removed(run: Terminal, node: Anvil, tmp_path: Path) -> None:
    add(run)
    run("endpoint", "add", ID, "--label", "first", typed=node.url)
    token = tmp_path / "token"
    token.write_text("bearer-secret\n")
    with SignerServer(token="bearer-secret").running() as signer:
        node.rpc("anvil_setBalance", signer.account.address, hex(10**18))
        words = (
            "--label",
            "far",
            "--environment",
            "devnet",
            "--signer-url-file",
            "-",
            "--address",
            signer.account.address,
        )
        run("executor", "add", ID, *words, "--token-file", token, typed=signer.url)
        assert "holds its key" in run("check")
        executor = Executor.objects.select_related("chain").get()
        assert "bearer-secret" not in str(Executor.objects.values()) + str(Event.objects.values())
        tx = drive(increment(executor), "mined")
        signer.accounts = []
        with pytest.raises(SystemExit):
            run("check")
    node.rpc("anvil_mine", hex(Chain.objects.get().finality_depth))
    due_now(tx)
    drive(tx, "final")
    assert "retired; its history stays" in run("executor", "remove", ID, "far")
    executor.refresh_from_db()
    assert (executor.enabled, executor.keystore) == (False, "")
    assert executor.transactions.count() == 1


def test_removing_what_never_sent_leaves_nothing_behind(run: Terminal, node: Anvil) -> None:
    add(run)
    run("endpoint", "add", ID, "--label", "first", typed=node.url)
    run("executor", "add", ID, "--label", "payer", "--environment", "devnet", "--new")
    executor = Executor.objects.select_related("chain").get()
    tx = increment(executor)
    with pytest.raises(CommandError, match="1 transaction is in flight"):
        run("executor", "remove", ID, "payer")
    with pytest.raises(CommandError, match="the last endpoint to follow them by"):
        run("endpoint", "remove", ID, "first")
    tx.delete()
    assert "removed" in run("executor", "remove", ID, "payer")
    run("endpoint", "remove", ID, "first")
    assert (Executor.objects.count(), Endpoint.objects.count()) == (0, 0)
    verbs = list(Event.objects.order_by("pk").values_list("verb", flat=True))
    assert verbs[-2:] == ["executor.removed", "endpoint.removed"]


def test_settings_are_changed_and_told(run: Terminal, node: Anvil) -> None:
    add(run)
    run("set", ID, "--private-blocks", 5, "--prefer-private", "--max-fee", 90)
    chain = Chain.objects.get()
    assert (chain.private_blocks, chain.prefers_private, chain.max_fee_per_gas) == (5, True, 90 * 10**9)
    changed = Event.objects.get(verb="chain.changed")
    assert changed.before is not None and changed.before["private_blocks"] == "3"
    run("set", ID, "--prefer-private")
    assert Event.objects.filter(verb="chain.changed").count() == 1


def test_a_private_endpoint_that_is_down_is_found(run: Terminal, node: Anvil) -> None:
    add(run)
    run("endpoint", "add", ID, "--label", "first", typed=node.url)
    with RpcProxy(node.url) as relay:
        run("endpoint", "add", ID, "--label", "relay", "--private", typed=relay.url)
        assert "! " not in run("check")
        relay.add(HangUp())
        with pytest.raises(SystemExit):
            run("check")


def test_a_well_known_key_pays_on_no_live_chain(run: Terminal, tmp_path: Path) -> None:
    run("add", "1", "--name", "Ethereum", "--short-name", "eth")
    key = tmp_path / "key"
    key.write_text(KEYS[0].key)
    with pytest.raises(CommandError, match="Everybody knows this key"):
        run("executor", "add", "1", "--label", "payer", "--key-file", key)
