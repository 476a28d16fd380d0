"""Who sees which transaction, and who may decide about one."""

import pytest
from django.test import Client

from integrations.chain.models import Executor
from integrations.chain.transactions.models import Transaction
from ledger.models import Event
from ledger.scopes import open_scope
from tests.browser import chain_world
from tests.people import browser_of, caller, person
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


def test_a_commander_accepts_a_use_of_the_key_that_is_known(executor: Executor) -> None:
    path = f"/chain/executors/{executor.pk}/"
    commander = browser_of(person("cora", "commander"))
    assert "Accept this use" in commander.get(path).content.decode()
    assert "Accept this use" not in browser_of(person("rea", "responder")).get(path).content.decode()
    commander.post(path + "accept-use/", {"reason": "  "})
    executor.refresh_from_db()
    assert "foreign" in executor.troubles
    commander.post(path + "accept-use/", {"reason": "our own sweep"})
    executor.refresh_from_db()
    assert ("foreign" in executor.troubles, executor.accounted) == (False, 1)
    assert Event.objects.get(verb="executor.trouble.ended").alarm["cleared"] is True
    assert Event.objects.get(verb="executor.use.accepted").reason == "our own sweep"


def test_the_page_of_an_executor_says_where_its_key_lives_and_what_it_may_do(executor: Executor) -> None:
    page = browser_of(person("val", "viewer")).get(f"/chain/executors/{executor.pk}/").content.decode()
    for words in (
        "held by a remote signer",
        "signer.internal:9000",
        "PAUSER_ROLE",
        "the register of powers",
        "private",
    ):
        assert words in page
    assert executor.keystore not in page


# --- the API


def test_the_api_shows_executors_and_decides_about_transactions(executor: Executor) -> None:
    viewer, commander = caller(person("val", "viewer")), caller(person("cora", "commander"))
    (shown,) = viewer.get("/api/v1/executors/").json()["results"]
    assert (shown["address"], shown["balance"], shown["signer"]) == (executor.address, "31000000000000000", "remote")
    assert {alarm["code"] for alarm in shown["alarms"]} == {"unknown", "foreign", "held", "balance", "stuck"}
    assert executor.keystore not in str(shown)
    (unsure,) = viewer.get("/api/v1/transactions/?status=unknown").json()["results"]
    assert set(unsure["choices"]) == {"look-again", "give-up"}
    path = f"/api/v1/transactions/{unsure['id']}/resolve/"
    assert viewer.post(path, {"choice": "give-up"}, format="json").status_code == 403
    refused = commander.post(path, {"choice": "cancel"}, format="json")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:breakglass:problem:unsafe-choice")
    assert commander.post(path, {"choice": "fresh-nonce"}, format="json").status_code == 400
    assert commander.post(path, {"choice": "give-up", "nonce": 4}, format="json").status_code == 400
    decided = commander.post(path, {"choice": "give-up", "reason": "they told us"}, format="json")
    assert (decided.status_code, decided.json()["status"], decided.json()["reason"]) == (200, "dropped", "they told us")
    assert commander.post(path, {"choice": "give-up"}, format="json").status_code == 409


def test_the_api_cancels_and_accepts(executor: Executor) -> None:
    commander = caller(person("cora", "commander"))
    queued = Transaction.objects.get(status="queued")
    path = f"/api/v1/transactions/{queued.pk}/cancel/"
    assert commander.post(path, {}, format="json").status_code == 400
    stopped = commander.post(path, {"reason": "wrong target"}, format="json")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "refused")
    assert commander.post(path, {"reason": "again"}, format="json").status_code == 409
    accept = f"/api/v1/executors/{executor.pk}/accept-use/"
    accepted = commander.post(accept, {"reason": "our own sweep"}, format="json")
    assert "foreign" not in {alarm["code"] for alarm in accepted.json()["alarms"]}
    assert commander.post(accept, {"reason": "again"}, format="json").status_code == 409


def test_the_api_hides_what_a_private_scope_holds(executor: Executor) -> None:
    scope = open_scope(kind="incident", title="quiet", private=True, members=[], actor="system:test")
    Transaction.objects.filter(status="unknown").update(scope=scope)
    unsure = Transaction.objects.get(status="unknown")
    commander = caller(person("cora", "commander"))
    assert commander.get("/api/v1/transactions/?status=unknown").json()["results"] == []
    for path in ("", "resolve/"):
        full = f"/api/v1/transactions/{unsure.pk}/{path}"
        answer = commander.post(full, {"choice": "give-up"}, format="json") if path else commander.get(full)
        assert answer.status_code == 404
