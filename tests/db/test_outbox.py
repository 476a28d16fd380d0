"""The outbox against a real receiver: one address at a time, bundled, paused when asked, closed for good, and shown."""

import base64
import hashlib
import hmac
import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts.models import User
from integrations.channels import CHANNELS
from ledger.errors import Invalid, Refused
from ledger.models import Event
from notify import selectors
from notify.audiences.changing import edit_destination, rotate_key, settle_key
from notify.audiences.models import Audience, Destination
from notify.audiences.services import add_audience, add_destination, set_enabled
from notify.deliveries import together
from notify.deliveries.lanes import KIND
from notify.deliveries.models import Delivery, Lane
from notify.deliveries.testing import send_test
from notify.deliveries.withdrawing import withdraw
from notify.messages.models import Message
from notify.messages.services import resend, send
from tests.people import browser_of, caller, person
from tests.receiver import Receiver, answer, hang_up, receiver
from work import faults, hints, leases, runner
from work.models import Attempt, Work

pytestmark = pytest.mark.django_db(transaction=True)
ME = "system:test"
KEY = "whsec_" + base64.b64encode(b"k" * 32).decode()


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No broker here: the test itself runs what is due. A dead worker's heart does not beat into the next test."""
    monkeypatch.setattr(hints, "send", lambda work_id, queue, delay=0: True)
    monkeypatch.setattr(leases.Heart, "BEAT", 0.05)
    yield
    while leases.HEART._thread is not None:
        threading.Event().wait(0.02)


@pytest.fixture
def there(settings: Any) -> Iterator[Receiver]:
    with receiver() as made:
        settings.OUTGOING_ALLOW = [made.place]
        yield made


@pytest.fixture
def lps() -> Audience:
    return add_audience(slug="lps", name="LPs", kind="outside", actor=ME)


def way(lps: Audience, there: Receiver, channel: str = "webhook", **more: Any) -> Destination:
    pause = more.pop("pause", None)
    config = {
        "webhook": {"url": f"{there.url}/hook", "key": KEY},
        "slack": {"url": f"{there.url}/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"},
    }[channel]
    return add_destination(channel=channel, config={**config, **more}, audience=lps, actor=ME, pause=pause)


def tell(*keys: str) -> list[Message]:
    words = {"body": "The vault is paused."}
    return [
        send(key=key, actor=ME, audience="lps", context={**words, "subject": f"Word {key}"}, authority="plan:0x1")
        for key in keys
    ]


def due() -> None:
    """One turn of everything that is due now."""
    ready = Work.objects.filter(run_at__lte=timezone.now(), status__in=("queued", "waiting")).order_by("pk")
    for pk in list(ready.values_list("pk", flat=True)):
        runner.run(pk)


def later(span: timedelta) -> None:
    """That time has passed, as the database sees it."""
    with connection.cursor() as cursor:
        for table, columns in {
            "work_work": ("run_at",),
            "notify_lane": ("busy_until", "free_at"),
            "notify_delivery": ("queued_at", "created_at"),
            "notify_message": ("created_at", "let_out_at"),
        }.items():
            moved = ", ".join(f"{column} = {column} - %s" for column in columns)
            cursor.execute(f"UPDATE {table} SET {moved}", [span] * len(columns))


def bodies(there: Receiver) -> list[list[str]]:
    return [[part["subject"] for part in json.loads(one.body)["data"]["messages"]] for one in there.received]


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("status", flat=True))


def test_a_burst_goes_out_as_one_and_each_message_is_told(there: Receiver, lps: Audience) -> None:
    way(lps, there, pause=30)
    first = tell("a")
    due()
    more = tell("b", "c", "d")
    due()
    assert bodies(there) == [["Word a"]] and states() == ["sent", "queued", "queued", "queued"]
    assert not Attempt.objects.filter(outcome="retry").exists(), "waiting is no failure"
    later(timedelta(seconds=29))
    due()
    assert len(there.received) == 1
    later(timedelta(seconds=2))
    due()
    due()
    assert bodies(there) == [["Word a"], ["Word b", "Word c", "Word d"]] and set(states()) == {"sent"}
    ids = [part["id"] for part in json.loads(there.received[1].body)["data"]["messages"]]
    carrier, *others = Delivery.objects.filter(message__in=more).order_by("pk")
    assert there.received[1].headers["webhook-id"] == carrier.token == ids[0]
    assert [copy.carried_by for copy in (carrier, *others)] == [None, carrier.pk, carrier.pk]
    assert [one.outcome for one in selectors.tries(others[0])] == ["done"], "the try that it went out with"
    assert set(Message.objects.values_list("status", flat=True)) == {"sent"} and first
    assert Event.objects.filter(verb="delivery.sent").count() == 4
    later(timedelta(days=1))
    due()
    assert len(there.received) == 2 and not Work.objects.exclude(status="done").exists()


def test_a_few_at_once_go_one_by_one_and_a_person_reads_the_bundle(there: Receiver, lps: Audience) -> None:
    way(lps, there, "slack")
    tell("a", "b", "c", "d", "e")
    for _ in range(4):
        due()
    texts = [json.loads(one.body)["text"] for one in there.received]
    assert [text.splitlines()[0] for text in texts] == ["Word a", "Word b", "3 messages: Word c"]
    assert all(f"Word {key}\n\nThe vault is paused." in texts[2] for key in "cde")


def test_retry_after_is_kept_for_all_that_goes_there_and_a_bundle_says_the_same_again(
    there: Receiver, lps: Audience
) -> None:
    way(lps, there, pause=1)
    there.script = [hang_up, answer(429, b"later", {"Retry-After": "3600"})]
    tell("a", "b")
    due()
    assert bodies(there) == [["Word a", "Word b"]] and set(states()) == {"queued"}
    later(timedelta(seconds=3))
    tell("c")
    due()
    asked = Work.objects.order_by("pk")[0]
    assert len(there.received) == 2 and timedelta(minutes=59) < asked.run_at - timezone.now() <= timedelta(hours=1)
    later(timedelta(minutes=50))
    due()
    assert len(there.received) == 2, "nor is anything else sent there meanwhile"
    later(timedelta(minutes=11))
    for _ in range(3):
        due()
        later(timedelta(seconds=2))
    assert bodies(there)[2:] == [["Word a", "Word b"], ["Word c"]] and set(states()) == {"sent"}
    assert len({one.headers["webhook-id"] for one in there.received[:3]}) == 1
    late = json.loads(there.received[2].body)["data"]["messages"][0]["body"]
    assert late.startswith("(Written ") and late.endswith("The vault is paused.")
    tries = [(one.outcome, one.error) for one in selectors.tries(Delivery.objects.order_by("pk")[0])]
    assert [outcome for outcome, _ in tries] == ["retry", "retry", "done"] and "429" in tries[1][1]


def test_what_was_tried_before_has_its_turn_like_the_others(there: Receiver, lps: Audience) -> None:
    """Nobody takes it along any more; that its address was being written to whenever it looked must not hold it up."""
    way(lps, there)
    there.script = [hang_up]
    tell("a")
    due()
    later(timedelta(seconds=3))
    Lane.objects.update(busy_until=timezone.now() + timedelta(seconds=60), holder=0)
    due()
    Lane.objects.update(busy_until=timezone.now(), holder=None)
    tell("b")
    due()
    due()
    assert bodies(there) == [["Word a"], ["Word b"], ["Word a"]] and set(states()) == {"sent"}


def test_a_webhook_is_tried_for_two_days_and_then_it_is_said(there: Receiver, lps: Audience) -> None:
    destination = way(lps, there)
    there.otherwise = answer(503, b"down", {"Retry-After": str(47 * 3600)})
    tell("a")
    due()
    later(timedelta(hours=47, minutes=1))
    due()
    delivery = Delivery.objects.get()
    assert len(there.received) == 2 and delivery.status == "failed"
    assert "gave up within 48 hours, after 2 tries: the receiver answered 503: down" in delivery.error
    destination.refresh_from_db()
    assert destination.enabled, "it may come back"
    there.otherwise = answer(200)
    resend(delivery=delivery, actor="user:1")
    due()
    assert states() == ["sent"] and there.received[2].headers["webhook-id"] == delivery.token
    there.script = [answer(503, b"down", {"Retry-After": str(72 * 3600)})]
    tell("b")
    due()
    later(timedelta(hours=48, minutes=1))
    due()
    assert states() == ["sent", "sent"], "asked for longer than two days, it is asked once more after two"


def test_what_is_gone_is_switched_off_and_raises_an_alert(there: Receiver, lps: Audience) -> None:
    destination = way(lps, there, pause=60)
    there.script = [answer(410, f"no hook at {KEY}".encode())]
    tell("a", "b")
    due()
    tell_again = tell("c")
    due()
    later(timedelta(minutes=2))
    due()
    destination.refresh_from_db()
    assert len(there.received) == 1 and set(states()) == {"failed"} and tell_again[0].deliveries.count() == 0
    assert not destination.enabled and destination.disabled_because == "the receiver answered 410: no hook at ••••••"
    off = Event.objects.get(verb="destination.disabled")
    assert off.alarm and off.alarm["severity"] == "SEV3" and "LPs cannot be reached by webhook" in off.alarm["title"]
    shown = json.dumps(
        [row for model in (Event, Work, Attempt, Delivery) for row in model.objects.values()], default=str
    )
    assert KEY not in shown
    send_test(destination=destination, actor="user:1")
    due()
    assert bodies(there)[1:] == [["Test from Breakglass: nothing has happened"]]
    set_enabled(destination=destination, enabled=True, actor="user:1")
    on = Event.objects.get(verb="destination.enabled")
    assert on.alarm and on.alarm["cleared"] and on.alarm["key"] == off.alarm["key"]
    later(timedelta(minutes=2))
    for delivery in Delivery.objects.filter(status="failed").order_by("pk"):
        resend(delivery=delivery, actor="user:1")
    due()
    assert set(states()) == {"sent"}, "each of a bundle can be sent again"


def test_what_was_to_go_with_a_copy_that_is_over_goes_by_itself(there: Receiver, lps: Audience) -> None:
    """As two transactions leave it that meet: one takes the first back while the other one takes the second along."""
    way(lps, there, pause=0)
    tell("a", "b")
    first, second = Delivery.objects.order_by("pk")
    Delivery.objects.update(carrier=first)
    Delivery.objects.filter(pk=first.pk).update(status="withdrawn")
    Lane.objects.update(holder=first.pk, busy_until=timezone.now() + timedelta(minutes=1))
    runner.run(Work.objects.get(kind=KIND, key=second.work_key).pk)
    assert states() == ["withdrawn", "queued"], "it may be on the wire still, with the second one"
    runner.run(Work.objects.get(kind=KIND, key=first.work_key).pk)
    assert Lane.objects.get().holder is None
    due()
    assert bodies(there) == [["Word b"]] and states() == ["withdrawn", "sent"]


def test_a_bundle_whose_first_is_taken_back_on_the_wire_keeps_what_went_with_what(
    there: Receiver, lps: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    way(lps, there, pause=30)
    tell("a")
    due()
    first, *_ = tell("b", "c")
    later(timedelta(seconds=31))

    def acknowledged(name: str) -> None:
        if name == "delivery.accepted":
            withdraw(messages=[first.pk], actor=ME, reason="somebody has it")

    monkeypatch.setattr(faults, "point", acknowledged)
    due()
    carrier, carried = Delivery.objects.order_by("pk")[1:]
    assert bodies(there)[1:] == [["Word b", "Word c"]] and states() == ["sent"] * 3
    assert carried.carried_by == carrier.pk


def test_nothing_waits_for_ever_for_a_copy_that_is_over(there: Receiver, lps: Audience) -> None:
    way(lps, there, pause=0)
    tell("a", "b")
    first = Delivery.objects.earliest("pk")
    Delivery.objects.update(carrier=first)
    Delivery.objects.filter(pk=first.pk).update(status="withdrawn")
    Work.objects.filter(key=first.work_key).update(status="done")
    due()
    due()
    assert bodies(there) == [["Word b"]] and states() == ["withdrawn", "sent"]


def test_one_bad_message_does_not_take_others_along(there: Receiver, lps: Audience) -> None:
    destination = way(lps, there, pause=1)
    there.script = [answer(413, b"too large"), answer(413, b"too large")]
    tell("a", "b", "c")
    for _ in range(6):
        due()
        later(timedelta(seconds=2))
    assert bodies(there) == [["Word a", "Word b", "Word c"], ["Word a"], ["Word b", "Word c"]]
    destination.refresh_from_db()
    assert states() == ["failed", "sent", "sent"] and destination.enabled


def test_a_worker_that_dies_after_the_answer_says_it_again_with_the_same_token(
    there: Receiver, lps: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def die(name: str) -> None:
        if name == "delivery.accepted":
            raise Died

    way(lps, there, pause=30)
    tell("a", "b")
    with monkeypatch.context() as held:
        held.setattr(faults, "point", die)
        with pytest.raises(Died):
            runner.run(Work.objects.order_by("pk")[0].pk)
    tell("c")
    due()
    assert len(there.received) == 1, "nobody else goes there while it is held"
    Work.objects.filter(status="running").update(lease_until=timezone.now() - timedelta(seconds=1))
    runner.run(Work.objects.order_by("pk")[0].pk)
    assert bodies(there) == [["Word a", "Word b"]] * 2 and states() == ["sent", "sent", "queued"]
    assert len({one.headers["webhook-id"] for one in there.received}) == 1


def test_several_at_once_each_with_its_own_end(
    there: Receiver, lps: Audience, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Seven addresses of one message: taken together, with whatever may happen to one of them meanwhile."""
    with receiver() as refusing:
        settings.OUTGOING_ALLOW = [there.place, refusing.place]
        refusing.otherwise = answer(503, b"down")
        for number in range(5):
            way(lps, there, url=f"{there.url}/{number}")
        way(lps, refusing, url=f"{refusing.url}/down")
        way(lps, there, "slack")
        tell("a")
        Work.objects.update(hinted_at=None)
        plain, last, down, slack = (Delivery.objects.order_by("pk")[at] for at in (0, 4, 5, 6))

        def meanwhile(name: str) -> None:
            """While the second one is on the wire the first is taken from us, and the last one is taken back."""
            if name == "delivery.accepted" and len(there.received) == 2:
                Work.objects.filter(key=plain.work_key).update(fence=F("fence") + 1)
                Delivery.objects.filter(pk=last.pk).update(status="withdrawn")

        with monkeypatch.context() as held:
            held.setattr(faults, "point", meanwhile)
            held.setattr(together, "LONGEST", 60)  # nothing is left to others because this machine is slow
            held.setattr(runner, "LONG", 60)
            assert runner.run_next(KIND, 16) == 7
        assert states() == ["queued", *["sent"] * 4, "queued", "sent"]
        assert Lane.objects.exclude(holder=None).get().pk == plain.lane_id, "who has it now lets go of it"
        tries = {one.work.key: one.outcome for one in Attempt.objects.select_related("work")}
        assert tries.pop(plain.work_key) == "" and tries.pop(down.work_key) == "retry"
        assert set(tries.values()) == {"done"} and slack.work_key in tries
        assert Event.objects.filter(verb="delivery.sent").count() == 5
        Work.objects.filter(key=plain.work_key).update(lease_until=timezone.now() - timedelta(seconds=1))
        later(timedelta(minutes=2))
        refusing.otherwise = answer(200)
        due()
        runner.run(Work.objects.get(key=plain.work_key).pk)
        assert (Message.objects.get().status, set(states())) == ("sent", {"sent"})
        assert not Work.objects.exclude(status="done").exists()
        assert Counter(one.headers.get("webhook-id") for one in there.received)[plain.token] == 2


def test_a_key_is_changed_without_a_gap(there: Receiver, lps: Audience) -> None:
    destination = way(lps, there, pause=0)

    def signatures() -> list[bool]:
        """Whether the last request is signed by the first key, and by the new one."""
        send_test(destination=destination, actor="user:1")
        due()
        sent = there.received[-1]
        said = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode() + sent.body
        raw = [base64.b64decode(key.removeprefix("whsec_")) for key in (KEY, new or KEY)]
        marks = [base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode() for key in raw]
        return [mark in sent.headers["webhook-signature"] for mark in marks]

    new = ""
    assert signatures() == [True, True]
    new = rotate_key(destination=destination, actor="user:1")
    assert signatures() == [True, True] and new != KEY
    with pytest.raises(Refused):
        rotate_key(destination=destination, actor="user:1")
    settle_key(destination=destination, actor="user:1")
    assert signatures() == [False, True]
    recorded = json.dumps(list(Event.objects.values()), default=str)
    assert KEY not in recorded and new not in recorded and "destination.key.changed" in recorded


def test_a_secret_is_led_nowhere_by_somebody_who_does_not_know_it(there: Receiver, lps: Audience) -> None:
    destination = way(lps, there)
    there.script = [hang_up]
    tell("a")
    due()
    change = {"actor": "user:1", "label": "Desk", "pause": None}
    elsewhere = {"url": f"{there.url}/elsewhere"}
    with pytest.raises(Invalid) as caught:
        edit_destination(destination=destination, config=elsewhere, **change)
    assert caught.value.field == "config.key"
    edit_destination(destination=destination, config={"url": f"{there.url}/hook"}, **change)
    destination.refresh_from_db()
    kept: Any = destination.config
    assert destination.label == "Desk" and kept.key.get_secret_value() == KEY
    edit_destination(destination=destination, config={**elsewhere, "key": KEY}, **change)
    due()
    assert [one.path for one in there.received] == ["/hook", "/elsewhere"], "what waited goes where it leads now"
    assert states() == ["sent"]
    delivery, address = Delivery.objects.get(), CHANNELS["webhook"].address(CHANNELS.parse("webhook", elsewhere))
    assert delivery.address == address and Lane.objects.count() == 2


def test_a_commander_adds_edits_tests_and_rotates_on_the_page(there: Receiver, lps: Audience) -> None:
    ben, carol, val = person("ben", "commander"), person("carol", "responder"), person("val", "viewer")
    page: Client = browser_of(ben)
    for channel in CHANNELS:
        assert page.get(f"/notify/audiences/lps/?channel={channel}").status_code == 200
    add = "/notify/audiences/lps/destinations/"
    wrong = page.post(add, {"channel": "webhook", "url": "http://10.0.0.1/"})
    assert wrong.status_code == 422 and b"must begin with https" in wrong.content and not Destination.objects.exists()
    made = page.post(add, {"channel": "webhook", "url": f"{there.url}/hook", "about-label": "Night desk"})
    destination = Destination.objects.get()
    config: Any = destination.config
    key = config.key.get_secret_value()
    own = f"/notify/destinations/{destination.pk}/"
    assert key.encode() in made.content and "no-store" in made["Cache-Control"]
    assert key.encode() not in page.get(own).content and b"Night desk" in page.get(own).content
    changed = page.post(f"{own}edit/", {"url": f"{there.url}/hook", "about-label": "Day desk", "about-pause": "5"})
    destination.refresh_from_db()
    assert changed.status_code == 302 and (destination.label, destination.pause) == ("Day desk", 5)
    sent = page.post(f"{own}test/")
    due()
    shown = page.get(sent["Location"]).content.decode()
    assert "1 try" in shown and len(there.received) == 1 and "nothing is needed from you" in shown
    rotated = page.post(f"{own}change-key/").content.decode()
    config = Destination.objects.get().config
    assert config.key.get_secret_value() in rotated and config.old_key.get_secret_value() == key not in rotated
    assert page.post(f"{own}settle-key/").status_code == 302
    page.post(f"{own}switch/", {"enabled": "no"})
    destination.refresh_from_db()
    assert not destination.enabled and destination.disabled_because == "switched off by hand"
    assert browser_of(carol).post(f"{own}test/").status_code == 403
    assert there.place.split(":")[0] not in browser_of(val).get(own).content.decode(), "a viewer is not told where"
    assert len(there.received) == 1


def test_the_api_does_the_same_and_gives_no_secret_back(there: Receiver, lps: Audience) -> None:
    ben: User = person("ben", "commander")
    api = caller(ben)
    config = {"url": f"{there.url}/hook", "key": KEY}
    asked = {"audience": "lps", "channel": "webhook", "config": config, "label": "Desk"}
    for wrong, field in (
        ({**asked, "channel": "pigeon"}, "channel"),
        ({**asked, "config": {"url": "nowhere", "key": KEY}}, "config.url"),
        ({**asked, "config": {"url": f"{there.url}/hook"}}, "config.key"),
        ({**asked, "audience": "nobody"}, "audience"),
    ):
        refused = api.post("/api/v1/destinations/", wrong, format="json")
        assert refused.status_code == 400 and refused.json()["errors"][0]["field"] == field, refused.content
    made = api.post("/api/v1/destinations/", asked, format="json")
    assert made.status_code == 201 and made.json()["config"]["key"] == "••••••" and KEY not in made.content.decode()
    own = f"/api/v1/destinations/{made.json()['id']}/"
    patched = api.patch(own, {"pause": 3, "enabled": False, "reason": "moving"}, format="json")
    assert patched.json()["pause"] == 3 and patched.json()["disabled_because"] == "moving"
    assert patched.json()["config"]["url"] == f"{there.url}/hook"
    fired = api.post(f"{own}test/")
    due()
    assert fired.status_code == 202
    copies = api.get(f"/api/v1/deliveries/?message={fired.json()['message']}").json()["results"]
    tried = api.get(f"/api/v1/deliveries/{copies[0]['id']}/").json()
    assert tried["status"] == "sent" and [one["outcome"] for one in tried["tries"]] == ["done"]
    key = api.post(f"{own}change-key/").json()["key"]
    assert key.startswith("whsec_") and api.post(f"{own}change-key/").status_code == 409
    assert api.post(f"{own}settle-key/").status_code == 200
