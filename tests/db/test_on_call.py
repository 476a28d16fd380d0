"""Rotations and ladders as people set them up; what would go wrong is said early; telling watches itself."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from incidents.watch.models import Monitor, WatchedBlock, WatchLease
from integrations.chain.models import Chain
from ledger import Refused, record
from ledger.chain import link_once
from ledger.models import Event
from notify import watching
from notify.clock import now
from notify.ladders.gaps import gaps
from notify.ladders.models import Ladder
from notify.ladders.services import save_ladder
from notify.models import Delivery, Override, Page, Rotation
from notify.pages.services import ack, frozen_ladder, open_page
from notify.readiness import on_call
from notify.rotations.services import remove_rotation, save_rotation
from tests.clock import Clock, moved_clock
from tests.db.test_escalation import told, work_off
from tests.people import browser_of, caller, person
from tests.receiver import receiver
from work import enqueue
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)
YESTERDAY = (timezone.now() - timedelta(days=1)).date().isoformat()


@pytest.fixture
def clock() -> Iterator[Clock]:
    with moved_clock() as clock:
        yield clock


@pytest.fixture
def people() -> dict[str, User]:
    levels = {"ana": ["commander"], "ben": ["commander"], "carol": ["responder"], "val": []}
    return {name: person(name, *granted) for name, granted in levels.items()}


def layer(*names: str, **more: Any) -> dict[str, Any]:
    return {"people": list(names), "starts": YESTERDAY, "hand_over": "00:00", **more}


def test_set_up_from_the_pages(people: dict[str, User], clock: Clock) -> None:
    ana, carol = browser_of(people["ana"]), browser_of(people["carol"])
    base = {"name": "Primary", "slug": "primary", "zone": "Europe/Nowhere"}
    first = {"people_0": "ben, ana", "every_0": "30", "unit_0": "days", "starts_0": YESTERDAY, "hand_over_0": "00:00"}
    wrong = ana.post("/notify/on-call/new/", {**base, **first})
    assert wrong.status_code == 422 and b"no time zone" in wrong.content
    base["zone"] = "UTC"
    for names, said in (("ana val", b"not a responder"), ("ana nobody", b"nobody called")):
        answered = ana.post("/notify/on-call/new/", {**base, **first, "people_0": "", "people_1": names})
        assert answered.status_code == 422 and said in answered.content and b'id="id_people_1"' in answered.content
    assert ana.post("/notify/on-call/new/", {**base, **first}).status_code == 302
    rotation = Rotation.objects.get()
    assert ana.post("/notify/on-call/new/", {**base, **first}).status_code == 422, "the name is taken"
    shown = carol.get("/notify/on-call/primary/").content.decode()
    assert shown.index("Ben") < shown.index("Ana"), "Ben has it first, and Ana follows in a month"
    assert carol.get("/notify/on-call/primary/edit/").status_code == 403

    # Carol stands in, and Ben takes his turn back.
    now = timezone.now()
    begins, ends = (f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M}" for hours in (-1, 5))
    when = {"since": begins, "until": ends}
    late = {**when, "until": when["since"]}
    assert carol.post("/notify/on-call/primary/stand-in/", {"user": "carol", **late}).status_code == 422
    assert carol.post("/notify/on-call/primary/stand-in/", {"user": "carol", **when}).status_code == 302
    assert on_call().words == "Carol → Ben in 4 h" and b"stands in" in carol.get("/notify/on-call/").content

    # A ladder that names it.
    ladder = {"name": "Incidents", "slug": "incidents", "repeats": "1", "pause": "5", "lapse": "30"}
    steps = {"after_0": "0", "targets_0": ["rotation:primary"], "after_2": "5", "targets_2": ["role:commander"]}
    assert ana.post("/notify/ladders/new/", ladder).status_code == 422, "no step"
    assert ana.post("/notify/ladders/new/", {**ladder, **steps}).status_code == 302
    climb = Ladder.objects.get().climbing
    assert [(step.after, step.targets) for step in climb.steps] == [
        (0, ("rotation:primary",)),
        (300, ("role:commander",)),
    ]
    assert b"Carol" in carol.get("/notify/ladders/incidents/").content
    with pytest.raises(Refused, match="step of Incidents"):
        remove_rotation(rotation=rotation, actor="user:1")
    page = open_page(key="x", title="Needed", actor="system:test", ladder=frozen_ladder("incidents"))
    work_off("notify.page")
    assert told(page) == [(0, 0, "carol")]
    assert ana.post(f"/notify/overrides/{Override.objects.get().pk}/take-back/").status_code == 302
    assert ana.post("/notify/ladders/incidents/edit/", {**ladder, "name": "All", **steps}).status_code == 302
    assert Ladder.objects.get().name == "All"
    assert ana.post("/notify/ladders/incidents/remove/").status_code == 302
    assert ana.post("/notify/on-call/primary/remove/").status_code == 302
    assert not Ladder.objects.exists() and not Rotation.objects.exists()
    verbs = set(Event.objects.values_list("verb", flat=True))
    assert {"rotation.added", "override.added", "override.removed", "ladder.changed", "rotation.removed"} <= verbs


def test_whoever_is_on_call_when_the_step_is_due(people: dict[str, User], clock: Clock) -> None:
    """The page keeps its ladder, and a rotation in it means whoever has taken over meanwhile."""
    save_rotation(slug="r", name="R", zone="UTC", layers=[layer("ana", "ben", unit="hours", every=12)], actor="user:1")
    climb = {"steps": [{"targets": ["rotation:r"]}, {"after": 43_200, "targets": ["rotation:r"]}]}
    save_ladder(slug="l", name="L", climb=climb, actor="user:1")
    page = open_page(key="x", title="Needed", actor="system:test", ladder=frozen_ladder("l"))
    work_off("notify.page")
    clock.move(hours=12)
    work_off("notify.page")
    assert {name for *_, name in told(page)} == {"ana", "ben"}


def test_what_would_go_wrong_is_said_before_it_matters(people: dict[str, User]) -> None:
    assert not gaps(), "everybody who may lead has an address"
    by_day = layer("ana", "ben", unit="days", from_time="08:00", until_time="20:00")
    save_rotation(slug="r", name="R", zone="UTC", layers=[by_day], actor="user:1")
    steps = [{"targets": ["rotation:r"]}, {"targets": ["person:carol"]}, {"targets": ["role:admin"]}]
    save_ladder(slug="incidents", name="L", climb={"steps": steps}, actor="user:1")
    User.objects.filter(username="carol").update(email="")
    User.objects.filter(username="ben").update(is_active=False)
    said = [gap.what for gap in gaps()]
    assert any(what.startswith("nobody is on call from") for what in said)
    assert any(what.startswith("ben, who is not active any more, is on call") for what in said)
    assert "nobody on step 2 can be told" in said and "Carol has no working channel" in said
    assert "step 3 reaches nobody: role:admin" in said
    ana = browser_of(people["ana"])
    for address in ("/notify/ladders/incidents/", "/notify/ladders/", "/notify/on-call/", "/"):
        assert "Carol has no working channel" in ana.get(address).content.decode() or address == "/", address
    assert "nobody is on call from" in ana.get("/").content.decode()
    shown = caller(people["val"]).get("/api/v1/ladders/").json()["results"][0]
    assert "step 3 reaches nobody: role:admin" in shown["gaps"]

    # A way that failed last time is no way to count on.
    User.objects.filter(username="carol").update(email="carol@example.org")
    open_page(key="x", title="N", actor="system:test", ladder={**frozen_ladder("incidents"), "steps": steps[1:2]})
    work_off("notify.page")
    Delivery.objects.update(status="failed")
    assert "Carol did not get the last message: it could not be delivered" in [gap.what for gap in gaps()]


def test_the_api(people: dict[str, User]) -> None:
    ana, carol = caller(people["ana"]), caller(people["carol"])
    body = {"slug": "r", "name": "R", "zone": "Europe/Berlin", "layers": [layer("ana")]}
    assert carol.post("/api/v1/rotations/", body, format="json").status_code == 403
    bad = {**body, "layers": [layer("ana"), layer("val")]}
    refused = ana.post("/api/v1/rotations/", bad, format="json")
    assert refused.status_code == 400 and refused.json()["errors"][0]["field"] == "layers.1.people"
    assert ana.post("/api/v1/rotations/", body, format="json").status_code == 201
    now = timezone.now()
    asked = {"user": "carol", "since": now.isoformat(), "until": (now + timedelta(days=1)).isoformat()}
    for _ in range(2):
        made = carol.post("/api/v1/rotations/r/overrides/", asked, format="json", headers={"Idempotency-Key": "k"})
        assert made.status_code == 201, made.content
    shown = carol.get("/api/v1/rotations/r/").json()
    assert [shift["name"] for shift in shown["shifts"]] == ["Carol", "Ana"] and len(shown["overrides"]) == 1
    assert carol.delete(f"/api/v1/rotations/r/overrides/{made.json()['id']}/").status_code == 204
    assert carol.delete(f"/api/v1/rotations/r/overrides/{made.json()['id']}/").status_code == 409
    assert carol.delete("/api/v1/rotations/r/overrides/999/").status_code == 404
    climb = {"slug": "l", "name": "L", "steps": [{"targets": ["rotation:r"]}]}
    assert ana.post("/api/v1/ladders/", climb, format="json").json()["lapse"] == 1800
    assert ana.delete("/api/v1/rotations/r/").status_code == 409
    assert ana.delete("/api/v1/ladders/l/").status_code == 204 and ana.delete("/api/v1/rotations/r/").status_code == 204


def test_what_is_late_alarms_once_and_silences_the_heartbeat(
    people: dict[str, User], clock: Clock, settings: Any
) -> None:
    with receiver() as outside:
        settings.OUTSIDE_HEARTBEAT_URL = outside.url
        settings.OUTGOING_ALLOW = [outside.place]
        assert watching.look() == {} and watching.heartbeat() == "sent" and len(outside.received) == 1
        page = open_page(key="x", title="Needed", actor="system:test")
        link_once()
        clock.move(seconds=61)  # no worker
        for _ in range(3):
            assert "1 page should have climbed, and did not" in watching.look().values()
            assert watching.heartbeat() == "withheld"
        raised = Event.objects.get(verb="watch.pages_overdue.late")
        assert raised.alarm["severity"] == "SEV2" and not raised.alarm["cleared"]  # type: ignore[index]
        work_off("notify.page")
        assert watching.look() == {} and watching.heartbeat() == "sent" and len(outside.received) == 2
        assert Event.objects.get(verb="watch.pages_overdue.timely").alarm["cleared"]  # type: ignore[index]

        # Nor is it well while messages wait for minutes, or nobody answers.
        link_once()
        clock.move(minutes=6)
        work_off("notify.page")
        link_once()
        assert "messages could not be delivered" in watching.look()["deliveries_unsent"]
        ack(page=page, user=people["ana"], actor=people["ana"].actor, how="page")
        work_off("notify.page")
        assert watching.look() == {}, "withdrawn"
        Page.objects.update(status="climbing", unanswered_at=timezone.now(), due_at=None)
        assert watching.heartbeat() == "withheld"
        Page.objects.update(status="resolved")

        # Nor while work of any kind is left undone, or goes wrong each time; nor while a chain stands still.
        with transaction.atomic():
            row = enqueue("incidents.tell", key="incident:0", actor="system:test")
        Work.objects.filter(pk=row.pk).update(run_at=now() - timedelta(minutes=3))
        assert "incidents.tell" in watching.look()["work_late"] and watching.heartbeat() == "withheld"
        Work.objects.filter(pk=row.pk).update(run_at=now() + timedelta(minutes=3))
        assert watching.look() == {}
        Work.objects.filter(pk=row.pk).update(failures=5)
        assert "incidents.tell" in watching.look()["work_late"]
        Work.objects.filter(pk=row.pk).update(status="done")
        chain = Chain.objects.create(chain_id=31337, name="Devnet", short_name="d", kind="devnet", block_time=1)
        Monitor.objects.create(slug="m", name="M", kind="paused", config={}, chain=chain)
        Monitor.objects.update(created_at=now())
        WatchLease.objects.create(name="watch", holder="x", until=now() + timedelta(hours=1), beat_at=now())
        assert watching.look() == {}, "it has just begun"
        Monitor.objects.update(created_at=now() - timedelta(minutes=3))
        assert "no block of Devnet" in watching.look()["watch_late"]
        seen = WatchedBlock.objects.create(
            chain=chain, number=1, hash="0x" + "11" * 32, timestamp=1, monitors=1, took_ms=1
        )
        WatchedBlock.objects.filter(pk=seen.pk).update(at=now())
        assert watching.look() == {}
        assert Event.objects.filter(verb="watch.watch_late.late", alarm__severity="SEV2").count() == 1

        with transaction.atomic():
            record("x.y", actor="system:test")
        clock.move(minutes=2)
        assert "ledger_late" in watching.look()
