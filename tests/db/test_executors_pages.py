"""Who sees which transaction, and who may decide about one."""

import pytest
from django.test import Client

from integrations.chain.models import Executor
from integrations.chain.transactions.models import Transaction
from ledger.models import Event
from ledger.scopes import open_scope
from tests.browser import chain_world
from tests.people import browser_of, person
from work.models import Work

pytestmark = pytest.mark.django_db


@pytest.fixture
def executor() -> Executor:
    return chain_world.executor()


def test_nobody_looks_without_logging_in(executor: Executor) -> None:
    tx = executor.transactions.first()
    assert tx is not None
    for path in ("executors/", f"executors/{executor.pk}/transactions/", f"transactions/{tx.pk}/"):
        assert Client().get(f"/chain/{path}").status_code == 302


def test_a_private_scopes_transaction_is_shown_to_its_members_alone(executor: Executor) -> None:
    member, other = person("mia", "viewer"), person("otto", "viewer")
    scope = open_scope(kind="incident", title="quiet", private=True, members=[member.actor], actor="system:test")
    Transaction.objects.filter(about="proposal:7").update(scope=scope)
    tx = Transaction.objects.get(about="proposal:7")
    link = f"/chain/transactions/{tx.pk}/"
    for path in ("/chain/executors/", f"/chain/executors/{executor.pk}/transactions/"):
        assert link in browser_of(member).get(path).content.decode()
        assert link not in browser_of(other).get(path).content.decode()
    for path in (link, link + "state/"):
        assert browser_of(member).get(path).status_code == 200
        assert browser_of(other).get(path).status_code == 404


def test_the_key_is_on_no_page(executor: Executor) -> None:
    page = browser_of(person("ana", "admin")).get("/chain/executors/").content.decode()
    assert executor.keystore not in page
    assert executor.address in page


def test_only_a_commander_decides_and_only_what_is_safe(executor: Executor) -> None:
    tx = Transaction.objects.get(status="unknown")
    path = f"/chain/transactions/{tx.pk}/resolve/"
    assert browser_of(person("rea", "responder")).post(path, {"choice": "give-up"}).status_code == 403
    commander = browser_of(person("cora", "commander"))
    for choice in ("", "nonsense", "cancel"):
        commander.post(path, {"choice": choice})
        tx.refresh_from_db()
        assert tx.status == "unknown"
    commander.post(path, {"choice": "give-up", "reason": "they told us"})
    tx.refresh_from_db()
    assert (tx.status, tx.reason) == ("dropped", "they told us")
    event = Event.objects.get(verb="transaction.dropped")
    assert event.actor.startswith("user:")
    again = commander.post(path, {"choice": "give-up"}, follow=True)
    assert again.status_code == 200  # said on the page, never an error page
    assert "nothing is to be decided" in again.content.decode()


def test_a_queued_transaction_is_stopped_by_a_commander(executor: Executor) -> None:
    tx = Transaction.objects.get(status="queued")
    path = f"/chain/transactions/{tx.pk}/cancel/"
    assert browser_of(person("rea", "responder")).post(path, {"reason": "no"}).status_code == 403
    browser_of(person("cora", "commander")).post(path, {"reason": "wrong target"})
    tx.refresh_from_db()
    assert (tx.status, tx.reason, tx.nonce) == ("refused", "wrong target", None)
    assert Work.objects.get(key=str(tx.pk)).status == "cancelled"
