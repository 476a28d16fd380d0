"""Readers of the status page who want to be told: twice said, easily ended, and nobody learns who is among them."""

import base64
import hmac
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from email.message import Message as Letter
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from ledger.models import Event
from notify.models import Destination, Subscriber
from notify.services import send
from notify.subscribers import services
from tests.audiences import load_audiences
from tests.drain import settle
from tests.mailserver import MailServer
from tests.people import browser_of, person
from tests.receiver import receiver

pytestmark = pytest.mark.django_db
READER = "Reader@Example.org"


@pytest.fixture(autouse=True)
def public(db: None) -> None:
    load_audiences("system:test")
    Destination.objects.filter(audience__slug="users").delete()


@pytest.fixture
def mail(settings: Any) -> Iterator[MailServer]:
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 2
        yield server


def ask(address: str = READER, **kw: Any) -> Any:
    return Client().post("/status/subscribe/", {"channel": "email", "address": address}, **kw)


def text_of(letter: Letter) -> str:
    found = letter.get_payload(decode=True)
    assert isinstance(found, bytes)
    return found.decode()


def link_in(letter: Letter, what: str) -> str:
    found = re.search(rf"{re.escape(django_settings.PUBLIC_URL)}(/status/{what}/\S+/)", text_of(letter))
    assert found, text_of(letter)
    return found[1]


def announce(key: str) -> None:
    words = {"subject": "Paused", "body": "The vault is paused."}
    send(key=key, actor="user:0", audience="users", context=words, authority="plan:0x")
    settle()


def test_asked_confirmed_told_and_ended(mail: MailServer) -> None:
    said = ask().content.decode()
    settle()
    announce("before")
    (to, letter), *others = mail.received
    assert to == [READER] and not others, "nobody is told before they confirmed"
    link = link_in(letter, "confirm")
    stranger = Client()
    for _ in range(2):
        assert "Yes, send them" in stranger.get(link).content.decode()
    assert Subscriber.objects.get().status == "asked" and not Destination.objects.filter(label="subscriber").exists()
    assert "You will be told" in stranger.post(link).content.decode()
    assert stranger.post(link).status_code == stranger.get(link).status_code == 410, "it works once"
    announce("after")
    to, letter = mail.received[-1]
    assert (
        to == [READER]
        and "The vault is paused." in text_of(letter)
        and "You asked for these messages" in text_of(letter)
    )

    again = ask().content.decode()
    settle()
    other = ask("nobody@example.org").content.decode()
    settle()
    assert [to for to, _ in mail.received] == [[READER], [READER], ["nobody@example.org"]], (
        "who is in is not asked again"
    )
    bare = [re.sub(r"csrf\w+\W+\w+|\w{64}", "", page) for page in (said, again, other)]
    assert bare[0] == bare[1] == bare[2], "and the answer is the same for all"
    page = browser_of(person("vera", "admin")).get("/notify/audiences/users/").content.decode()
    assert "1 reader of the status page" in page and READER not in page

    link = link_in(letter, "leave")
    assert letter["List-Unsubscribe"].strip() == f"<{django_settings.PUBLIC_URL}{link}>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "End these messages?" in stranger.get(link).content.decode() and Subscriber.objects.get(status="confirmed")
    for _ in range(2):
        assert stranger.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    announce("last")
    assert len(mail.received) == 3
    left = Subscriber.objects.get(status="left")
    assert (
        left.sealed == "" and left.destination is None and not Destination.objects.filter(label="subscriber").exists()
    )
    assert READER not in str(list(Event.objects.values_list("after", "reason", "subject")))

    Subscriber.objects.update(asked_at=timezone.now() - timedelta(hours=1))
    ask()
    settle()
    assert Subscriber.objects.get(pk=left.pk).status == "asked"
    assert stranger.post(link_in(mail.received[-1][1], "confirm")).status_code == 200
    assert stranger.post(link).status_code == 410, "the link of the turn before ends nothing now"


def test_what_is_typed_wrongly_and_links_that_are_none() -> None:
    for body in ({"channel": "email", "address": "no address"}, {"channel": "carrier"}, {"address": READER}, {}):
        assert Client().post("/status/subscribe/", body).status_code == 400
    for what in ("confirm", "leave"):
        for token in ("x", "x:y:z", "é" * 50):
            for ask_for in (Client().get, Client().post):
                assert ask_for(f"/status/{what}/{token}/").status_code == 410
    leaving = services.leave_link(Subscriber(pk=1, turn=1)).split("/")[-2]
    assert Client().post(f"/status/confirm/{leaving}/").status_code == 410, "a link is good for one thing"
    assert not Subscriber.objects.exists()


def test_nobody_is_flooded(mail: MailServer, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        ask()
    settle()
    assert len(mail.received) == 1, "one link a quarter of an hour"
    Subscriber.objects.update(asked_at=timezone.now() - timedelta(minutes=16))
    ask()
    settle()
    assert len(mail.received) == 2
    Subscriber.objects.update(asked_at=timezone.now() - timedelta(days=3))
    assert Client().get(link_in(mail.received[-1][1], "confirm")).status_code == 200
    ask("other@example.org")
    assert Subscriber.objects.count() == 1, "who never confirmed is forgotten"
    monkeypatch.setattr(services, "MOST_AN_HOUR", 1)
    assert ask("third@example.org").status_code == 400 and Subscriber.objects.count() == 1
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "status_subscribe": "2/m/ip"}
    assert [ask("fourth@example.org").status_code for _ in range(3)][-1] == 429
    Subscriber.objects.all().delete()
    assert not Event.objects.filter(verb__startswith="subscriber.").exists(), "strangers write nothing into the ledger"


def test_a_program_subscribes_with_an_address_of_its_own(settings: Any) -> None:
    """The link comes to the webhook itself; whoever reads there confirms it, and is shown the key once."""
    with receiver() as program:
        settings.OUTGOING_ALLOW = [program.place]
        body = {"channel": "webhook", "address": f"{program.url}/hook"}
        assert Client().post("/status/subscribe/", body).status_code == 200
        settle()
        asked = json.dumps(program.received[0].json())
        found = re.search(r"/status/confirm/[^\s\"\\\\]+/", asked)
        assert found
        page = Client().post(found[0]).content.decode()
        key = re.search(r"whsec_[A-Za-z0-9+/=]+", page)
        assert key
        announce("m1")
        told = program.received[1]
        mark, at = told.headers["webhook-id"], told.headers["webhook-timestamp"]
        secret = base64.b64decode(key[0].removeprefix("whsec_"))
        signed = hmac.new(secret, f"{mark}.{at}.".encode() + told.body, "sha256").digest()
        assert base64.b64encode(signed).decode() in told.headers["webhook-signature"]
        assert "The vault is paused." in told.body.decode()
