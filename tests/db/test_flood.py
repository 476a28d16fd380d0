"""Incidents that open by the dozen are told, and paged for, in a few turns: what is written is the same."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from incidents.incidents.models import Incident
from incidents.incidents.services import TELL, move, open_incident
from ledger.models import Event
from notify.deliveries.models import Delivery, Lane
from notify.models import Message, Page
from notify.pages.services import CLIMB
from tests.audiences import load_audiences
from tests.people import person
from work import hints, registry, runner
from work.models import Work

pytestmark = pytest.mark.django_db
ME = "system:test"


@pytest.fixture(autouse=True)
def people(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "send", lambda work_id, queue, delay=0: True)
    monkeypatch.setattr(runner, "LONG", 60)  # nothing is given back because this machine is slow
    load_audiences(ME)
    for name in ("ana", "ben"):
        person(name, "commander")


def opened(title: str, **more: Any) -> Incident:
    return open_incident(title=f"Feed {title}", severity="SEV1", actor=ME, at_once=False, **more)


def written(incident: Incident) -> str:
    """All that there is of an incident but what tells it from others."""
    scope = {"scope": incident.scope}
    messages = Message.objects.filter(**scope).order_by("pk")
    found = {
        "events": list(Event.objects.filter(**scope).order_by("pk").values("verb", "actor", "subject", "after")),
        "messages": list(messages.values("key", "audience", "template", "subject_line", "body", "link", "status"))
        + list(messages.filter(let_out_at__isnull=False).values("requested_by", "authority")),
        "copies": sorted(
            Delivery.objects.filter(message__scope=incident.scope).values_list("channel", "address", "user")
        ),
        "pages": list(Page.objects.filter(**scope).values("key", "title", "status", "round", "step", "opened_by")),
        "notices": sorted(
            Page.objects.filter(**scope).values_list(
                "notices__user", "notices__why", "notices__round", "notices__message__template"
            )
        ),
        "work": sorted(Work.objects.filter(**scope).values_list("kind", "status", "actor", "error")),
    }
    text = json.dumps(found, default=str)
    text = re.sub(r"(incident|message|page|delivery|scope)(:|s/)\d+", r"\1\2N", text.replace(incident.title, "T"))
    return re.sub(r"0x[0-9a-f]{64}|\d{4}-\d\d-\d\dT[0-9:.+]*|\d\d:\d\d UTC", "_", text)


def test_told_together_or_alone_the_same_is_written() -> None:
    alone = [opened("a"), opened("b")]
    for incident in alone:
        runner.run(Work.objects.get(kind=TELL, key=incident.subject).pk)
    for page in Page.objects.all():
        runner.run(Work.objects.get(kind=CLIMB, key=page.work_key).pk)
    together = [opened("c"), opened("d")]
    hidden = opened("e", private=True, members=[User.objects.get(username="ana").actor])
    over = opened("f")
    move(incident=over, to="declined", actor=ME, reason="a test")
    assert runner.run_next(TELL, 16) == 4 and runner.run_next(TELL, 16) == 0
    assert runner.run_next(CLIMB, 16) == 3 and runner.run_next(CLIMB, 16) == 0
    shapes = [written(incident) for incident in (*alone, *together)]
    assert len(set(shapes)) == 1, "\n".join(shapes)
    assert shapes[0].count('"page.climbed"') == 1 and shapes[0].count('"page"') > 1
    assert not Message.objects.filter(scope=over.scope).exists() and not Work.objects.filter(status="failed").exists()
    told = Message.objects.filter(scope=hidden.scope).values_list("audience", flat=True)
    assert set(told) == {None}, "what is private is told to its members alone"


def test_who_is_needed_and_who_is_told_next_wait_behind_no_crowd_of_copies() -> None:
    assert registry.queue_of(TELL) == registry.queue_of(CLIMB) == registry.URGENT != registry.DEFAULT


def test_one_that_was_told_already_holds_up_no_other() -> None:
    """Its turn was repeated by hand, say: the turn of all of them fails, and each has its own."""
    first, second = opened("a"), opened("b")
    runner.run(Work.objects.get(kind=TELL, key=first.subject).pk)
    Work.objects.filter(kind=TELL).update(status="queued", run_at=timezone.now() - timedelta(seconds=1))
    assert runner.run_next(TELL, 16) == 2
    assert [Message.objects.filter(scope=one.scope).count() for one in (first, second)] == [1, 1]
    assert not Work.objects.filter(kind=TELL).exclude(status="done").exists()


def test_what_waits_for_a_busy_lane_is_due_when_its_turn_comes() -> None:
    """Mail to one address rests ten seconds after a burst, and takes fifty along then."""
    incident = opened("a")
    runner.run(Work.objects.get(kind=TELL, key=incident.subject).pk)
    now = timezone.now()
    Lane.objects.update(busy_until=now + timedelta(hours=1))
    for number in range(60):
        opened(f"n{number}")
    while runner.run_next(TELL, 16):
        pass
    due = Work.objects.filter(kind="notify.delivery").values_list("run_at", flat=True)
    waits = sorted(round((run_at - now).total_seconds()) for run_at in due if run_at)
    assert len(waits) == 2 * 61 and max(waits[:2]) <= 0 and set(waits[2:]) == {3600, 3610}
