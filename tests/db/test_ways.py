"""A person's own ways to be told: added, tried out, changed and removed by them alone; who has none is shown."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from ledger.models import Event
from notify.models import Delivery, Destination
from notify.services import send
from notify.ways.selectors import reach_of
from notify.ways.services import MOST
from tests.db.test_outbox import due, later, quiet, there
from tests.people import browser_of, caller, person
from tests.receiver import Receiver, answer, hang_up

__all__ = ["quiet", "there"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)
MINE = "/accounts/me/ways/"


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_a_person_adds_tries_out_and_removes_their_own(there: Receiver) -> None:
    carol: User = person("carol", "responder")
    page, others = browser_of(carol), [browser_of(person("ana", "admin")), browser_of(person("ben", "commander"))]
    assert "carol@example.org" in text(page, MINE) and "in use" in text(page, MINE)
    wrong = page.post(f"{MINE}add/", {"channel": "ntfy", "topic": "not a topic", "priority": "high"})
    assert (
        wrong.status_code == 422
        and b"Is not a topic: 1 to 64 letters, digits, - and _.<" in wrong.content
        and not Destination.objects.exists()
    )
    assert page.post(f"{MINE}add/", {"channel": "pigeon"}).status_code == 302
    topic = {"channel": "ntfy", "topic": "carols-phone", "server": there.url, "priority": "urgent"}
    added = page.post(f"{MINE}add/", {**topic, "about-label": "My phone"})
    own = added["Location"]
    assert "My phone" in text(page, MINE) and "not used while" in text(page, MINE) and "never tried" in text(page, MINE)

    tried = page.post(f"{own}test/")
    assert "on its way there already" in page.post(f"{own}test/", follow=True).content.decode()
    due()
    assert [one.json()["title"] for one in there.received] == ["Test from Breakglass: nothing has happened"]
    assert "1 try" in text(page, tried["Location"]) and "last sent" in text(page, MINE)

    send(key="k", actor="system:test", users=[carol], context={"subject": "Sign", "body": "now"})
    due()
    assert len(there.received) == 2 and Delivery.objects.filter(channel="email").count() == 0
    for client in others:
        assert client.get(own).status_code == client.post(f"{own}remove/").status_code == 404
        for place in (tried["Location"], "/accounts/people/", f"/accounts/people/{carol.pk}/", "/ledger/"):
            assert "carols-phone" not in text(client, place), place
    assert "ntfy" in text(others[0], f"/accounts/people/{carol.pk}/")
    told: Any = caller(User.objects.get(username="ben")).get("/api/v1/deliveries/").json()
    assert "carols-phone" not in str(told) and len(told["results"]) == 2

    page.post(f"{own}edit/", {**topic, "topic": "carols-tablet", "about-label": "Tablet"})
    assert "carols-tablet" in text(page, own)
    page.post(f"{own}switch/", {"enabled": "no"})
    assert reach_of(carol).channels == ("Email",) and "switched off by hand" in text(page, own)
    page.post(f"{own}remove/")
    assert not Destination.objects.exists() and Delivery.objects.filter(status="sent").count() == 2
    assert "carols" not in str(list(Event.objects.values_list("after", flat=True)))


def test_who_cannot_be_told_is_shown_to_them_and_to_admins(there: Receiver) -> None:
    carol = person("carol", "responder")
    User.objects.filter(pk=carol.pk).update(email="")
    page, ana = browser_of(carol), browser_of(person("ana", "admin"))
    assert "You cannot be reached" in text(page, MINE)
    assert "You cannot be reached" in text(page, "/") and "has no working channel" in text(page, "/accounts/me/")
    for place in ("/accounts/people/", f"/accounts/people/{carol.pk}/"):
        assert "has no working channel" in text(ana, place)
    assert "has no working channel" not in text(browser_of(person("val", "viewer")), "/accounts/people/")

    made = page.post(f"{MINE}add/", {"channel": "webhook", "url": f"{there.url}/hook"})
    way = Destination.objects.get()
    config: Any = way.config
    assert config.key.get_secret_value() in made.content.decode() and "no-store" in made["Cache-Control"]
    assert "cannot be reached" not in text(page, "/") + text(page, MINE)
    there.script = [answer(410)]
    page.post(f"{MINE}{way.pk}/test/")
    due()
    assert "You cannot be reached" in text(page, MINE), "its receiver is gone for good"
    off = Event.objects.get(verb="destination.disabled")
    assert off.alarm and "Carol cannot be reached by webhook" in off.alarm["title"]
    page.post(f"{MINE}{way.pk}/switch/", {"enabled": "yes"})
    there.script = [hang_up]
    send(key="k", actor="system:test", users=[carol], context={"subject": "Sign", "body": "now"})
    due()
    assert "1 waits there and will be tried again" in text(page, MINE) and not reach_of(carol).problem
    later(timedelta(minutes=6))
    assert "minutes ago: it cannot be delivered yet" in text(ana, "/accounts/people/")
    page.post(f"{MINE}{way.pk}/remove/")
    gone = Event.objects.get(verb="destination.removed")
    assert gone.alarm and gone.alarm["cleared"] and gone.alarm["key"] == off.alarm["key"]


def test_ten_are_enough(there: Receiver) -> None:
    carol = browser_of(person("carol", "responder"))
    for number in range(MOST + 1):
        last = carol.post(f"{MINE}add/", {"channel": "email", "address": f"c{number}@example.org"})
    assert last.status_code == 302 and Destination.objects.count() == MOST
    page = text(carol, MINE)
    assert "10 ways already" in page and "as many as there may be" in page
