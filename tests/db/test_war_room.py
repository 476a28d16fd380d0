"""The war room: the command box and the API do the same things, nothing that was written is lost, what is missing is
said until it is there, and a page of the record costs the same however long it is."""

import json
from datetime import timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Any, cast

import pytest
import time_machine
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from incidents.alerts.services import raise_alert
from incidents.commands.completion import complete
from incidents.commands.verbs import carry_out
from incidents.incidents import services
from incidents.incidents.leading import read_amount, short_amount
from incidents.incidents.models import Incident
from incidents.incidents.record import PAGE, record_of
from incidents.links.services import merge
from incidents.metrics.selectors import grouped, times
from incidents.monitors import Breach
from incidents.monitors.collateral_gap import CollateralGap
from incidents.nudges.services import COMMAND, SEEN
from incidents.postmortems.models import Postmortem
from incidents.postmortems.services import mark_of
from incidents.search.selectors import search
from incidents.todo.models import Task
from incidents.todo.services import REMIND, move_task
from incidents.updates.models import Update
from ledger import record
from ledger.chain import link_once
from ledger.errors import Invalid, Refused
from ledger.models import Event
from notify.models import Message, Page
from notify.pages.services import ack, resolve
from runbooks.playbooks.services import save_version
from tests.audiences import load_audiences
from tests.people import browser_of, caller, person, program_of
from work import hints, runner
from work.models import Work

pytestmark = pytest.mark.django_db
BOOKS = "books() view returns (uint256 assets, uint256 liabilities)"
THIEF = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SMALL = """\
playbook: small
title: A small one
summary: Waits for a moment, then it is over.
steps:
  - {id: look, manual: {instruction: Look outside., evidence: none}}
"""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "send", lambda work_id, queue, delay=0: True)
    load_audiences("system:test")


@pytest.fixture
def ana() -> User:
    return person("ana", "commander")


@pytest.fixture
def ben() -> User:
    return person("ben", "commander")


@pytest.fixture
def incident(ana: User) -> Incident:
    return services.open_incident(title="Stale oracle", severity="SEV2", actor="monitor:oracle")


def page_of(user: User, incident: Incident, query: str = "") -> str:
    return browser_of(user).get(f"/incidents/{incident.pk}/{query}").content.decode()


def send(client: Client, incident: Incident, line: str, **kwargs: Any) -> Any:
    headers = {"HX-Request": "true"} if kwargs.pop("inline", True) else {}
    return client.post(f"/incidents/{incident.pk}/command/", {"line": line}, headers=headers)


def told(subject: str) -> set[str]:
    """To whom mail with these words in its subject goes."""
    found = Message.objects.filter(subject_line__contains=subject)
    return {copy.user.username for message in found for copy in message.deliveries.all() if copy.user}


def test_everything_can_be_done_from_the_box(incident: Incident, ana: User, ben: User) -> None:
    save_version(yaml=SMALL, actor=ana.actor)
    client = browser_of(ana)
    lines = {
        "/take": "You command.",
        "/sev 2 as the alarm says": "It is SEV2.",
        "/update 15m Trading is stopped.": "The next one is promised by",
        "/note The feed is a day old.": "Noted.",
        "/role comm @ben": "Ben is communications.",
        "/role signer-liaison @ana": "Ana is signer liaison.",
        "/task Call the exchanges @ben": "Task 1 for Ben.",
        "/task Watch the feed": "Task 2.",
        "/done 2": "Task 2 is done.",
        "/give 1 @ana": "Task 1 is Ana",
        f"/address {THIEF} at-risk chain 10 The thief": "The thief is on the board: at risk.",
        f"/address {THIEF.lower()} saved chain 10": "The thief is on the board: saved.",
        "/funds risk $41.2M": "Funds at risk: $41.2M.",
        "/can It holds. | We look. | A signer.": "Reported.",
        "/page @ben come": "Called: Ben.",
        "/page responders": "Called:",
        "/handover @ben I must sleep.": "Ben is asked to take command",
        "/contain paused": "It is contained.",
        "/role communications none": "Nobody is communications now.",
    }
    for line, wanted in lines.items():
        answer = send(client, incident, line)
        assert answer.status_code == 200 and wanted in answer.content.decode().replace("&#x27;", "'"), line
    assert send(client, incident, "/run small")["HX-Redirect"] == f"/incidents/{incident.pk}/start/small/"
    incident.refresh_from_db()
    assert (incident.status, incident.funds_at_risk, incident.handover_to) == ("contained", 41_200_000, ben)
    assert incident.commander == ana, "asked is not given"
    services.take_command(incident=incident, user=ben)
    for line in ("/restore", "/reopen", "/contain", "/restore", "/close all is well"):
        assert send(browser_of(ben), incident, line, inline=False).status_code == 302
    incident.refresh_from_db()
    assert (incident.status, incident.commander, incident.handover_to) == ("closed", ben, None)
    text = page_of(person("val", "viewer"), incident)
    for words in ("Trading is stopped.", "$41.2M", "The thief", "Call the exchanges", "Conditions: It holds."):
        assert words in text, words
    assert "command-line" not in text, "who only reads has no box"
    assert told("Take command") == told("Task: Call") | {"ben"} == {"ben"}
    calls = {page.key.partition(":call:")[2]: page for page in Page.objects.filter(key__contains=":call:")}
    assert calls.keys() == {"person:ben", "audience:responders"}
    assert calls["person:ben"].acked_by == ben, "who does something here has come"


def test_who_came_once_is_called_again(incident: Incident, ana: User, ben: User) -> None:
    for whom in ("@ben", "responders"):
        carry_out(incident, ana, f"/page {whom} come")
        first = Page.objects.live().get(key__contains=":call:")
        carry_out(incident, ana, f"/page {whom} come")
        assert Page.objects.live().get(key__contains=":call:") == first, "is being called"
        ack(page=first, user=ben, actor=ben.actor, how="link")
        carry_out(incident, ana, f"/page {whom} come back")
        second = Page.objects.live().get(key__contains=":call:")
        assert (second.status, second.follows, second.text) == ("climbing", first, "come back")
        resolve(page=second, actor=ana.actor, reason="enough")


WRONG = [
    ("hello", "begins with a slash"),
    ("/fly", "no command /fly"),
    ("/sev 9", "is not known"),
    ("/role web", "Nobody is named"),
    ("/role web @nobody", "@nobody is nobody here"),
    ("/role web @val", "may only read"),
    ("/role s @ana", "is not a role"),
    ("/role web none", "is nobody"),
    ("/done 7", "Task 7 is not there"),
    ("/done x", "not a number"),
    ("/address 0x12", "not an address"),
    (f"/address {THIEF[:-1]}9 chain 1", "checksum"),
    (f"/address {THIEF}", "on which chain"),
    ("/funds risk lots", "not an amount"),
    ("/funds spent 3", "no kind of funds"),
    ("/can a | b", "three parts"),
    ("/run none", "is not there"),
    ("/page lps", "nobody of this desk"),
    ("/update", "empty"),
    ("/update 90d late", "seven days"),
    ("/note a\x00b", "control character"),
    ("/close", "empty"),
    ("/close over", "cannot become closed"),
    ("/merge 999999", "Incident 999999 is not there"),
    ("/handover @rob", "may not command"),
    ("/invite @rob", "not private"),
    ("/task " + "x" * 301, "longer"),
    ("/note " + "x" * 12_001, "too long"),
]


def test_what_is_wrong_with_a_line_is_said_beside_it(incident: Incident, ana: User) -> None:
    person("rob", "responder")
    person("val", "viewer")
    before, client = Event.objects.filter(scope=incident.scope).count(), browser_of(ana)
    for line, said in WRONG:
        answer = send(client, incident, line)
        text = answer.content.decode()
        assert answer.status_code == 409 and said in text and "command-wrong" in text, (line, text)
    assert Event.objects.filter(scope=incident.scope).count() == before


def test_a_responder_does_not_command(incident: Incident) -> None:
    rob = browser_of(person("rob", "responder"))
    for line in ("/take", "/close x", "/contain", "/handover @rob", "/merge 1", "/invite @rob"):
        answer = send(rob, incident, line)
        assert answer.status_code == 409 and "for a commander" in answer.content.decode(), line
    assert send(browser_of(person("val", "viewer")), incident, "/note x").status_code == 403


def test_the_box_completes_what_one_may_do(incident: Incident, ana: User, ben: User) -> None:
    def options(line: str, user: User = ana) -> list[str]:
        found: Any = complete(incident, user, line)["options"]
        return [one["line"] for one in found]

    carry_out(incident, ana, "/task Look")
    assert options("/ro") == ["/role "] and "/close " in options("/")
    assert "/close " not in options("/", person("rob", "responder"))
    assert options("/role sig") == ["/role signer-liaison @"]
    assert options("/role web @b") == ["/role web @ben "]
    assert options("/sev ")[0] == "/sev 1 " and options("/done ") == ["/done 1 "]
    assert "/update 15m " in options("/update ") and options("/update 15m ") == []
    assert "/funds risk " in options("/funds ") and options("hello") == options("/fly ") == []
    answer = browser_of(ana).get(f"/incidents/{incident.pk}/complete/", {"line": f"/address {THIEF} s"})
    assert answer.json()["options"][0]["line"] == f"/address {THIEF} saved "


def test_a_correction_keeps_what_was_said(incident: Incident, ana: User, ben: User) -> None:
    rob = person("rob", "responder")
    services.add_update(incident=incident, text="All is lost.", actor=rob.actor)
    update = Update.objects.get()
    url = f"/incidents/{incident.pk}/updates/{update.pk}/"
    other = person("otto", "responder")
    assert browser_of(other).post(url, {"text": "x"}, headers={"HX-Request": "true"}).status_code == 409
    assert browser_of(rob).post(url, {"text": "Some is lost."}, headers={"HX-Request": "true"}).status_code == 200
    said = caller(ana).patch(f"/api/v1/incidents/{incident.pk}/updates/{update.pk}/", {"text": "Little is lost."})
    assert said.status_code == 200, "a commander may"
    assert [one["said"]["text"] for one in said.json()["earlier"]] == ["All is lost.", "Some is lost."]
    line = next(line for line in record_of(incident, ana).lines if line.verb == "incident.update.posted")
    assert (line.long, line.was) == ("Little is lost.", ("All is lost.", "Some is lost."))
    assert "put right since" in page_of(ana, incident)


def test_the_api_does_what_the_box_does(incident: Incident, ana: User, ben: User) -> None:
    api, base = program_of(ana, "incidents:write"), f"/api/v1/incidents/{incident.pk}"

    def post(path: str, body: Any, wanted: int = 201) -> Any:
        answer = api.post(f"{base}/{path}/", body, format="json", headers={"Idempotency-Key": f"{path}{body}"})
        assert answer.status_code == wanted, answer.content
        return answer.json()

    role = post("roles", {"role": "scribe", "user": "@ben"})
    assert role["user"] == ben.actor and role["seen_at"] is None
    assert post("roles", {"role": "scribe", "user": "@ben"}) == role
    task = post("tasks", {"title": "Call", "assignee": ben.actor})
    patched = api.patch(f"{base}/tasks/{task['id']}/", {"status": "done", "title": "Called"}, format="json").json()
    assert (patched["status"], patched["title"], patched["number"]) == ("done", "Called", 1)
    entry = post("addresses", {"address": THIEF, "chain_id": 1, "status": "impacted", "label": "Thief"})
    patched = api.patch(f"{base}/addresses/{entry['id']}/", {"status": "saved"}, format="json").json()
    assert (patched["status"], patched["label"]) == ("saved", "Thief")
    soon = (timezone.now() + timedelta(minutes=9)).isoformat()
    assert post("updates", {"text": "We look.", "next_by": soon})["next_by"] is not None
    assert post("updates", {"kind": "can", "conditions": "a", "actions": "b", "needs": "c"})["kind"] == "can"
    post("updates", {"kind": "can", "text": "x"}, 400)
    post("updates", {"text": "x", "next_by": "2001-01-01T00:00:00Z"}, 400)
    post("roles", {"role": "king", "user": "@ben"}, 400)
    post("funds", {"kind": "saved", "amount": 5_000}, 200)
    post("links", {"incident": incident.pk}, 400)
    assert api.delete(f"{base}/roles/{role['id']}/").status_code == 204
    assert api.get(f"{base}/roles/").json()["results"] == []
    assert api.get(base + "/").json()["funds_saved"] == 5_000
    page = api.get(f"{base}/timeline/?show=people").json()
    assert page["lines"][0]["words"] == "took Scribe back from Ben" and page["before"] == 0
    assert api.get(f"{base}/timeline/?show=x").status_code == api.get(f"{base}/timeline/?before=x").status_code == 400


def look(incident: Incident, after: timedelta) -> None:
    """Let the desk look so long after the incident was opened."""
    work = Work.objects.get(kind=services.NUDGE, key=incident.subject)
    Work.objects.filter(pk=work.pk).update(run_at=Now())
    with time_machine.travel(incident.opened_at + after, tick=False):
        runner.run(work.pk)


@pytest.mark.django_db(transaction=True)
def test_what_is_missing_is_shown_and_mailed_until_it_is_there(incident: Incident, ana: User, ben: User) -> None:
    def nudged() -> list[str]:
        found = Event.objects.filter(verb="incident.nudged").order_by("pk")
        return [(event.after or {})["cause"] for event in found]

    look(incident, timedelta(seconds=30))
    assert nudged() == [], "people are given a moment"
    look(incident, COMMAND.first)
    look(incident, COMMAND.first + timedelta(seconds=30))
    assert nudged() == ["commander"], "once"
    assert told("Nobody commands") == {"ana", "ben"}
    look(incident, COMMAND.first + 3 * COMMAND.again)
    assert nudged().count("commander") == 2, "reminders that were slept through are one"
    Incident.objects.filter(pk=incident.pk).update(opened_at=incident.opened_at - COMMAND.first)
    assert "Nobody commands" in page_of(ana, incident)
    services.take_command(incident=incident, user=ana)
    for line in ("/sev 2", "/role communications @ben", "/update 1m We look."):
        carry_out(incident, ana, line)
    before = len(nudged())
    look(incident, SEEN.first + timedelta(seconds=30))
    assert nudged()[before:] == ["update", f"assignment:{incident.assignments.get().pk}"]
    assert told("The next update was promised") == {"ana", "ben"}
    assert "I have seen it" in page_of(ben, incident)
    assert "Communications" in browser_of(ben).get("/desk/").content.decode(), "it waits on the front page too"
    assert send(browser_of(ben), incident, "/update none It holds.").status_code == 200
    assert incident.assignments.get().seen_at is not None, "who acts has seen it"
    count = len(nudged())
    look(incident, timedelta(days=1))
    assert len(nudged()) == count and "strip-warn" not in page_of(ana, incident)
    for line in ("/contain", "/restore", "/close over"):
        carry_out(incident, ana, line)
    look(incident, timedelta(days=2))
    assert Work.objects.get(kind=services.NUDGE).status == "done"


def test_one_emergency_becomes_part_of_another(incident: Incident, ana: User, ben: User) -> None:
    twin = services.open_incident(title="The same again", severity="SEV3", actor="monitor:other")
    services.add_note(incident=twin, text="Seen twice.", actor=ana.actor)
    alert = raise_alert(key="k", severity="SEV3", title="t", source="monitor:x", about=twin.scope)
    assert alert.incident == twin
    assert send(browser_of(ana), twin, f"/merge {incident.pk}")["HX-Redirect"] == f"/incidents/{incident.pk}/"
    twin.refresh_from_db()
    alert.refresh_from_db()
    assert (twin.status, twin.merged_into, alert.incident) == ("merged", incident, incident)
    assert "Seen twice." in page_of(ben, incident) and "The same again" in page_of(ben, incident)
    with pytest.raises(Refused):
        merge(incident=incident, into=twin, actor=ana.actor)
    later = services.open_incident(title="Another", severity="SEV3", actor=ana.actor)
    carry_out(later, ana, f"/link {incident.pk}")
    assert "Another" in page_of(ben, incident)


def test_what_is_private_stays_so_between_incidents(incident: Incident, ana: User, ben: User) -> None:
    """Linked and merged ones are shown, named and mailed to those alone who may see both."""
    secret = services.open_incident(title="Krakatoa", severity="SEV1", actor=ana.actor, private=True)
    carry_out(incident, ana, f"/link {secret.pk}")
    assert "Krakatoa" in page_of(ana, incident) and "Krakatoa" not in page_of(ben, incident)
    assert not Event.objects.filter(scope=incident.scope, after__other=secret.subject).exists()
    with pytest.raises(Refused, match="may not see"):
        merge(incident=secret, into=incident, actor=ana.actor)
    for line in ("/role web @ben", "/task x @ben", "/page @ben x", "/handover @ben"):
        with pytest.raises(Refused, match="cannot see"):
            carry_out(secret, ana, line)
    with pytest.raises(Invalid, match="is not there"):
        carry_out(incident, ben, f"/link {secret.pk}")
    assert all("Krakatoa" not in str(option) for option in complete(incident, ben, "/link ")["options"])  # type: ignore[attr-defined]  # a list
    carry_out(secret, ana, "/page responders")
    for work in Work.objects.filter(kind="notify.page"):
        runner.run(work.pk)
    assert told("calls you") == told("Krakatoa") == {"ana"}
    carry_out(secret, ana, "/invite @ben")
    carry_out(secret, ana, "/role web @ben")
    merge(incident=incident, into=secret, actor=ana.actor)
    assert not Incident.objects.visible_to(person("val", "viewer")).exists(), "what is part of it is as private as it"
    assert not Task.objects.visible_to(person("vera", "viewer")).exists()


def test_funds_are_read_as_people_write_them(incident: Incident, ana: User) -> None:
    for text, amount in {"41.2M": 41_200_000, "$1,250,000": 1_250_000, "3k": 3_000, "0": 0, "-": None}.items():
        assert read_amount(text) == amount
    assert [short_amount(one) for one in (None, 0, 999, 41_250_000, 412_500_000, 2 * 10**9)] == [
        *("\u2013", "$0", "$999", "$41.2M", "$412M", "$2B"),
    ]
    config = CollateralGap.Config(contract=THIEF, name="Vault", function=BOOKS, decimals=6, dollars=True)
    answer = b"".join(amount.to_bytes(32) for amount in (1_234_567_900_000, 1_300_000_000_000))
    breach = CollateralGap.judge(config, [answer], cast(Any, None))
    assert isinstance(breach, Breach) and breach.reading["funds_moved_usd"] == 65_432
    raise_alert(
        key="gap",
        severity="SEV2",
        title="g",
        source="monitor:x",
        detail={"reading": breach.reading},
        about=incident.scope,
    )
    odd = {"reading": ["funds_at_risk_usd"]}
    raise_alert(key="odd", severity="SEV2", title="o", source="inbound:1", detail=odd, about=incident.scope)
    text = page_of(ana, incident)
    assert "monitor: $1.2M" in text and 'value="/funds risk 1234567"' in text and "monitor: $65.4k" in text


def test_a_page_of_the_record_costs_the_same_however_long_it_is(incident: Incident, ana: User) -> None:
    first = f'id="event-{record_of(incident, ana).lines[-1].pk}"'
    services.add_note(incident=incident, text="The first note.", actor=ana.actor)
    client = browser_of(ana)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/incidents/{incident.pk}/").status_code == 200
        return len(queries)

    count()
    few = count()
    with transaction.atomic():
        for number in range(3 * PAGE):
            verb = "monitor.breached" if number % 3 else "message.sent"
            record(verb, actor="monitor:x", scope=incident.scope, after={"block": number})
    services.add_note(incident=incident, text="The last ones.", actor=ana.actor)
    assert count() == few
    assert first not in page_of(ana, incident)
    seen, before, pages = [], 0, 0
    while pages == 0 or before:
        page = record_of(incident, ana, before=before)
        seen += [line.pk for line in page.lines]
        before, pages = page.before, pages + 1
    assert seen == sorted(set(seen), reverse=True) and len(seen) >= 3 * PAGE and pages == 4
    for group in ("people", "chain", "run", "told"):
        lines = record_of(incident, ana, group=group, limit=1000).lines
        assert all(line.group == group for line in lines)
    assert len(record_of(incident, ana, group="told", limit=1000).lines) >= PAGE
    older = client.get(f"/incidents/{incident.pk}/timeline/?before={seen[-5]}").content.decode()
    assert older.count("<li") == 4 and first in older
    assert first in page_of(ana, incident, f"?before={seen[-5]}"), "without scripts too"


def test_what_was_learnt_is_drafted_edited_tracked_and_taken_away(incident: Incident, ana: User, ben: User) -> None:
    client, page = browser_of(ana), f"/incidents/{incident.pk}/postmortem/"
    assert "too early" not in client.post(f"{page}draft/").content.decode()
    assert not Postmortem.objects.exists(), "it is still active"
    carry_out(incident, ana, "/take")
    carry_out(incident, ana, "/funds saved 5k")
    record_failure(incident)
    for line in ("/contain", "/restore", "/close over"):
        carry_out(incident, ana, line)
    client.post(f"{page}draft/")
    written = Postmortem.objects.get()
    assert "Funds saved: $5k" in written.impact and "could not deliver a copy" in written.went_badly
    seen = mark_of(written.causes)
    for text in ("A *cache*.", "Another cache."):
        client.post(f"{page}causes/", {"text": text, "seen": seen})
    written.refresh_from_db()
    assert written.causes == "A *cache*.", "the second of two who edit at once is told"
    client.post(f"{page}causes/", {"text": "It was old.", "seen": mark_of("A *cache*.")})
    assert "A *cache*." in client.get(page).content.decode(), "what it said before"
    assert "Watch its age" not in client.get(page).content.decode()
    today = timezone.now().date()
    client.post(f"{page}items/", {"title": "Watch its age", "owner": "@ben", "due_on": str(today - timedelta(days=1))})
    client.post(f"{page}items/", {"title": "x", "owner": "@ben", "due_on": "soon"})
    assert "Watch its age" in client.get(page).content.decode()
    task = Task.objects.get()
    work = Work.objects.get(kind=REMIND)
    assert work.run_at > timezone.now() and told("Action item") == set()
    Work.objects.filter(pk=work.pk).update(run_at=timezone.now())
    runner.run(work.pk)
    assert told("Action item") == {"ben"}
    move_task(task=task, to="done", actor=ben.actor)
    Work.objects.filter(pk=work.pk).update(run_at=timezone.now())
    runner.run(work.pk)
    work.refresh_from_db()
    assert work.status == "done" and Message.objects.filter(subject_line__contains="Action item").count() == 1
    told_as = client.get(f"/incidents/{incident.pk}/postmortem.json").json()
    assert told_as["sections"]["causes"] == "It was old." and told_as["timeline"][0]["words"].startswith("opened the")
    assert [leg["name"] for leg in told_as["legs"]][:2] == ["detect", "declare"]
    text = client.get(f"/incidents/{incident.pk}/postmortem.md").content.decode()
    assert "- [x] 1 Watch its age (Ben" in text and "## What failed" in text
    assert client.get(f"/incidents/{incident.pk}/postmortem.exe").status_code == 404


def record_failure(incident: Incident) -> None:
    with transaction.atomic():
        record("delivery.failed", actor="system:notify", scope=incident.scope)


@pytest.mark.django_db(transaction=True)
def test_what_is_given_away_of_the_ledger_proves_itself(incident: Incident, ana: User) -> None:
    """Notes are left out; every hash can be computed again all the same."""
    services.open_incident(title="Another one", severity="SEV3", actor=ana.actor)
    carry_out(incident, ana, "/note Between us.")
    record_failure(incident)
    while link_once():
        pass
    answer = browser_of(ana).get(f"/incidents/{incident.pk}/postmortem.jsonl?show=told")
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]  # type: ignore[attr-defined]  # it streams
    assert "Between us" not in str(lines) and "Another one" not in str(lines)
    assert {line["event"]["verb"] for line in lines if line["event"]} >= {"delivery.failed"}
    for before, line in pairwise(lines):
        assert line["prev"] == before["hash"] and line["seq"] == before["seq"] + 1
    for line in lines:
        if line["event"]:
            text = json.dumps(line["event"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            assert sha256(text.encode()).hexdigest() == line["digest"]
        assert sha256(bytes.fromhex(line["prev"]) + bytes.fromhex(line["digest"])).hexdigest() == line["hash"]


def test_search_finds_what_one_may_see_and_nothing_else(incident: Incident, ana: User, ben: User) -> None:
    secret = services.open_incident(title="Krakatoa erupts", severity="SEV1", actor=ana.actor, private=True)
    for line in ("/note <b>Krakatoa</b> smokes", "/task Watch Krakatoa", "/update none It smokes."):
        carry_out(secret, ana, line)
    carry_out(incident, ana, "/note The smoke is only a drill.")
    page = "/incidents/search/?q=smoke"
    inside, outside = (browser_of(user).get(page).content.decode() for user in (ana, ben))
    assert "<mark>smokes</mark>" in inside and "<b>Krakatoa" not in inside
    assert "Krakatoa" not in outside and "<mark>smoke</mark> is only a drill" in outside
    assert "only a" not in browser_of(ben).get(f"{page}+-drill").content.decode()
    for odd in ("", "%00", "'", "a & | !", "\u0002", "x" * 5_000):
        assert browser_of(ben).get("/incidents/search/", {"q": odd}).status_code == 200
    assert {hit.noun for hit in search(ana, "krakatoa")} == {"incident", "update", "task", "message"}


def test_times_are_of_what_one_may_see(incident: Incident, ana: User) -> None:
    secret = services.open_incident(title="Krakatoa", severity="SEV1", actor=ana.actor, private=True)
    for one in (incident, secret):
        Incident.objects.filter(pk=one.pk).update(
            detected_at=one.opened_at - timedelta(seconds=30), first_bad_at=one.opened_at - timedelta(seconds=90)
        )
        for line in ("/take", "/contain", "/restore"):
            carry_out(one, ana, line)
    answered = services.open_incident(title="Etna", severity="SEV3", actor=ana.actor)
    ack(page=Page.objects.get(about=answered.subject), user=ana, actor=ana.actor, how="link")
    found = {one.incident: one for one in times(ana)}
    assert found.pop(answered).acknowledge == 0, "whoever has its page in hand"
    assert (found[incident].detect, found[incident].acknowledge) == (60, 0) and 90 <= (
        found[incident].contain or 0
    ) < 99
    rows = {row.name: row for row in grouped(times(ana), lambda one: one.incident.severity)}
    assert rows["SEV1"].count == rows["SEV2"].count == 1 and rows["SEV2"].medians[0] == (60, 1)
    inside, outside = (browser_of(user).get("/incidents/metrics/").content.decode() for user in (ana, person("val")))
    assert "Krakatoa" in inside and inside.count("<circle") == 2
    assert "Krakatoa" not in outside and outside.count("<circle") == 1
    assert browser_of(ana).get("/incidents/metrics/?show=detect").content.decode().count("<circle") == 2
