"""Where people can be reached is told to those who act or audit, not to every viewer."""

import pytest

from ledger.models import Event
from notify.audiences.services import add_audience, add_destination
from notify.messages.services import send
from tests.people import browser_of, caller, person

pytestmark = pytest.mark.django_db

ADDRESS = "dana@makers.example"


@pytest.mark.parametrize(("levels", "reads"), [((), False), (("auditor",), True), (("responder",), True)])
def test_viewers_see_that_somebody_is_told_and_not_where(levels: tuple[str, ...], reads: bool) -> None:
    boss, reader = person("boss", "commander"), person("reader", *levels)
    audience = add_audience(slug="makers", name="Makers", kind="outside", actor=boss.actor)
    add_destination(channel="email", config={"address": ADDRESS}, audience=audience, actor=boss.actor)
    words = {"subject": "Paused", "body": "The vault is paused."}
    message = send(key="k", actor=boss.actor, audience="makers", context=words, authority="plan:0x00")
    told = [
        browser_of(reader).get("/notify/audiences/makers/").content.decode(),
        browser_of(reader).get(f"/notify/messages/{message.pk}/").content.decode(),
        caller(reader).get("/api/v1/deliveries/").content.decode(),
    ]
    for page in told:
        assert (ADDRESS in page) is reads
        assert reads or "d…@makers.example" in page


def test_the_record_keeps_addresses_to_itself() -> None:
    boss = person("boss", "admin")
    audience = add_audience(slug="makers", name="Makers", kind="outside", actor=boss.actor)
    add_destination(channel="email", config={"address": ADDRESS}, audience=audience, actor=boss.actor)
    kept = Event.objects.get(verb="destination.added")
    assert kept.after["to"] == "d…@makers.example" and ADDRESS not in str(kept.after)
