"""The head of the ledger, written down where the owner of this database cannot rewrite it."""

import pytest
from django.db import transaction
from django.utils import timezone

import ledger
from incidents.anchors.services import KIND, anchor_data, ask_daily
from incidents.incidents.services import move, open_incident
from integrations.chain.executors import add_executor
from integrations.chain.models import Chain
from integrations.chain.transactions.models import Transaction
from ledger import chain
from ledger.models import Chain as Ledger
from ledger.models import Event
from notify.models import Delivery, Message
from tests.drain import settle
from tests.people import person
from work.models import Work

pytestmark = pytest.mark.django_db


def happen() -> None:
    with transaction.atomic():
        ledger.record("thing.happened", actor="system:test")
    chain.link_once()


def add_chain(number: int, kind: str, environment: str) -> None:
    on = Chain.objects.create(chain_id=number, name=f"chain {number}", short_name=f"c{number}", kind=kind)
    add_executor(chain=on, label=f"executor {number}", environment=environment, actor="system:test")


def auditors() -> None:
    from notify.audiences.services import add_audience

    add_audience(slug="auditors", name="Auditors", kind="inside", level="auditor", actor="system:test")
    person("frank", "auditor")


def test_the_head_is_anchored_once_a_day_on_chain_and_by_mail() -> None:
    auditors()
    add_chain(731337, "devnet", "devnet")
    happen()
    ask_daily()
    head = Ledger.objects.get(pk=1)
    settle((KIND,))
    ask_daily()
    settle((KIND,))
    sent = Transaction.objects.get()
    assert bytes(sent.data) == anchor_data(head.seq, bytes(head.hash)) and sent.to == sent.executor.address
    assert sent.value == 0
    message = Message.objects.get()
    assert bytes(head.hash).hex() in message.body and Delivery.objects.get().address == "frank@example.org"
    assert Event.objects.get(verb="ledger.anchored").after["seq"] == head.seq
    assert Work.objects.filter(kind=KIND, key=f"daily:{timezone.now():%Y-%m-%d}").count() == 1


def test_a_live_chain_is_preferred_to_the_devnet() -> None:
    auditors()
    add_chain(731337, "devnet", "devnet")
    add_chain(10, "live", "live")
    happen()
    ask_daily()
    settle((KIND,))
    assert [sent.chain.chain_id for sent in Transaction.objects.all()] == [10]


def test_closing_an_incident_anchors_its_record_without_naming_it() -> None:
    auditors()
    incident = open_incident(title="Quiet", severity="SEV2", actor="user:1", private=True, tell=False)
    settle((KIND,))
    for to in ("contained", "restored", "closed"):
        incident = move(incident=incident, to=to, actor="user:1", reason="over")
    settle((KIND,))
    anchored = Event.objects.get(verb="ledger.anchored")
    closing = Event.objects.select_related("link").get(verb="incident.closed")
    assert anchored.after["seq"] >= closing.link.seq
    assert str(incident.pk) not in anchored.after["why"] and "Quiet" not in Message.objects.get().body
