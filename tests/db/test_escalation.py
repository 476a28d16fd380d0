"""Pages: from an incident to its commander, by every way to acknowledge, and through every end."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from accounts.grants.models import RoleGrant
from accounts.models import User
from incidents.alerts.models import Alert
from incidents.alerts.services import acknowledge_alert, clear_alert, raise_alert
from incidents.incidents import services as incidents
from incidents.incidents.models import Incident
from incidents.links.services import merge
from ledger import Invalid, Refused
from ledger.chain import link_once
from ledger.models import Event
from ledger.subscriptions import dispatch, ensure_rows
from notify.ladders.services import save_ladder
from notify.models import Delivery, Message, Notice, Page
from notify.pages.links import ack_link
from notify.pages.services import ack, frozen_ladder, open_page, resolve
from tests.audiences import load_audiences
from tests.clock import Clock, moved_clock
from tests.mailserver import MailServer
from tests.people import browser_of, caller, person, program_of
from work import runner
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)
STEPS = [{"targets": ["person:ana"]}, {"after": 300, "targets": ["role:commander"]}]
LINK = re.compile(r"https?://[^\s/]+(/ack/\S+/)")


@pytest.fixture
def clock() -> Iterator[Clock]:
    with moved_clock() as clock:
        yield clock


@pytest.fixture
def ana() -> User:
    return person("ana", "commander")


@pytest.fixture
def ben(ana: User) -> User:
    return person("ben", "commander")


@pytest.fixture
def mail(settings: Any) -> Iterator[MailServer]:
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 2
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield server


def work_off(*kinds: str) -> None:
    """Whatever is due by the database's clock."""
    rows = Work.objects.filter(kind__in=kinds or ("notify.page", "notify.delivery"), status__in=Work.OPEN)
    while [pk for pk in rows.order_by("pk").values_list("pk", flat=True) if runner.run(pk) is not None]:
        pass


def told(page: Page) -> list[tuple[int, int, str]]:
    rows = page.notices.filter(reachable=True).order_by("pk").values_list("round", "step", "user__username")
    return list(rows)


def fresh(page: Page) -> Page:
    return Page.objects.get(pk=page.pk)


def asked(**more: Any) -> Page:
    return open_page(**{"key": "x", "title": "Somebody is needed", "actor": "system:test", **more})


class TestFromAnIncidentToItsCommander:
    def test_the_whole_way(self, ana: User, ben: User, mail: MailServer, clock: Clock) -> None:
        load_audiences("system:test")
        val = person("val")
        save_ladder(
            slug="incidents", name="Commanders", climb={"steps": STEPS, "lapse": 1800, "pause": 300}, actor=ana.actor
        )
        incident = incidents.open_incident(title="Stale oracle", severity="SEV1", actor="monitor:x")
        page = Page.objects.get()
        assert page.title == "SEV1 Stale oracle" and page.scope == incident.scope and page.about == incident.subject
        work_off()
        assert told(page) == [(0, 0, "ana")]

        # Its link is in her copy alone: not in what others can read here.
        letter = next(letter for to, letter in mail.received if "I have it" in str(letter.get_payload()))
        link = LINK.search(str(letter.get_payload()))[1]  # type: ignore[index]
        assert not Message.objects.filter(body__contains="/ack/").exists()
        stranger = Client()
        for _ in range(2):
            shown = stranger.get(link)
            assert shown.status_code == 200 and b"I have it" in shown.content and b"Stale oracle" in shown.content
            assert stranger.head(link).status_code == 200
        assert fresh(page).status == "climbing", "to look changes nothing"
        assert stranger.get(link[:-6] + "aaaa/").status_code == 410

        # Nobody answers for five minutes: the next step, and no sooner.
        clock.move(seconds=270)
        work_off()
        assert len(told(page)) == 1
        clock.move(seconds=31)
        work_off()
        assert told(page)[1:] == [(0, 1, "ana"), (0, 1, "ben")]

        # The button behind the link.
        assert stranger.post(link).status_code == 302
        page = fresh(page)
        assert (page.status, page.acked_by, page.acked_how) == ("acked", ana, "link")
        assert b"You have it" in stranger.get(link).content
        clock.move(minutes=20)
        incidents.add_note(incident=incident, text="Looking at the feed.", actor=ben.actor)
        clock.move(minutes=20)
        work_off()
        assert fresh(page).status == "acked" and len(told(page)) == 3, "somebody is at work"
        clock.move(minutes=11)
        work_off()
        assert fresh(page).status == "lapsed"
        second = Page.objects.get(follows=page)
        assert second.status == "climbing" and told(second) == [(0, 0, "ana")]
        assert b"lapsed" in stranger.get(link).content and stranger.post(link).status_code == 410

        # Who takes command has it; who restores service needs nobody; and nothing is ever told again.
        incidents.take_command(incident=incident, user=ben)
        second = fresh(second)
        assert (second.status, second.acked_by, second.acked_how) == ("acked", ben, "deed")
        incidents.move(incident=incident, to="restored", actor=ben.actor)
        assert fresh(second).status == "resolved"
        clock.move(days=2)
        work_off()
        assert Notice.objects.count() == 4 and Page.objects.count() == 2
        verbs = list(Event.objects.filter(verb__startswith="page.").order_by("pk").values_list("verb", flat=True))
        assert verbs == [
            *("page.opened", "page.climbed", "page.climbed", "page.acked", "page.lapsed"),
            *("page.opened", "page.climbed", "page.acked", "page.resolved"),
        ]
        assert browser_of(val).get(f"/notify/pages/{page.pk}/").status_code == 200

    def test_what_still_fires_does_not_page_anew(self, ana: User, clock: Clock) -> None:
        def fires() -> Any:
            return raise_alert(key="feed", severity="SEV1", title="Feed is stale", source="monitor:x")

        first = fires()
        page = Page.objects.get()
        resolve(page=page, actor=ana.actor, reason="a known flaw of the feed")
        assert fires().pk == first.pk
        incident = Incident.objects.get()
        incidents.change_severity(incident=incident, severity="SEV2", actor=ana.actor)
        incidents.change_severity(incident=incident, severity="SEV1", actor=ana.actor)
        incidents.move(incident=incident, to="declined", actor=ana.actor, reason="not ours")
        assert fires().pk == first.pk and Page.objects.count() == 1 and Incident.objects.count() == 1
        clear_alert(key="feed", actor="monitor:x")
        assert fires().pk != first.pk and Page.objects.count() == 2, "another time is another incident"

    def test_what_was_in_hand_and_is_not_asks_again(self, ana: User, ben: User, clock: Clock) -> None:
        """Restored or contained, and the same fires anew: whoever commands may be asleep."""

        def fires(key: str, severity: str = "SEV2") -> Incident:
            alert = raise_alert(key=key, severity=severity, title=key, source="monitor:x", failure_mode="stale-oracle")
            assert alert.incident is not None
            return alert.incident

        incident = fires("a")
        incidents.take_command(incident=incident, user=ana)
        incident = incidents.move(incident=incident, to="contained", actor=ana.actor)
        assert fires("b", "SEV4") == incident and not Page.objects.live().exists(), "not worth waking anybody"
        for count, (key, before, after) in enumerate([("c", "contained", "contained"), ("d", "restored", "active")], 2):
            Page.objects.live().exists() and incidents.take_command(incident=incident, user=ana)
            if before != incident.status:
                incidents.move(incident=incident, to=before, actor=ana.actor)
            assert fires(key, "SEV1") == incident
            incident.refresh_from_db()
            page = Page.objects.live().get()
            assert (incident.status, incident.severity, incident.commander) == (after, "SEV1", ana)
            assert page.status == "climbing" and page.title == "SEV1 a" and f"It was {before}" in page.text
            assert Page.objects.count() == count
            fires(f"{key} too")
            assert Page.objects.count() == count, "is asked for already"
        assert Event.objects.filter(verb="incident.asked.again").count() == 1
        incidents.take_command(incident=incident, user=ana)
        assert fresh(page).status == "acked", "whoever leads is here again"

        # What was declined and gets worse is another incident, and so is what gets worse in a restored one asked for.
        odd = raise_alert(key="odd", severity="SEV2", title="Odd", source="monitor:x")
        assert odd.incident is not None
        incidents.move(incident=odd.incident, to="declined", actor=ana.actor, reason="not ours")
        worse = raise_alert(key="odd", severity="SEV1", title="Odd", source="monitor:x")
        assert worse.pk == odd.pk and worse.incident != odd.incident and worse.incident is not None
        assert Page.objects.live().filter(about=worse.incident.subject).count() == 1

    def test_who_has_a_slight_page_in_hand_hears_of_a_graver_one(self, ana: User, ben: User, clock: Clock) -> None:
        """Also where it is graver since another incident was merged into it."""
        incident = incidents.open_incident(title="Odd", severity="SEV3", actor="monitor:x")
        first = Page.objects.get()
        ack(page=first, user=ana, actor=ana.actor, how="link")
        incidents.change_severity(incident=incident, severity="SEV2", actor="monitor:x")
        second = Page.objects.live().get()
        assert fresh(first).status == "resolved" and (second.title, second.follows) == ("SEV2 Odd", first)
        incidents.change_severity(incident=incident, severity="SEV1", actor="monitor:x")
        assert [page.title for page in Page.objects.live()] == ["SEV1 Odd"], "a page that climbs is told anew, too"

        incidents.change_severity(incident=incident, severity="SEV4", actor=ana.actor)
        resolve(page=Page.objects.live().get(), actor=ana.actor, reason="a known flaw")
        alert = raise_alert(key="drain", severity="SEV1", title="Drained", source="monitor:x", failure_mode="drain")
        assert alert.incident is not None
        merge(incident=alert.incident, into=incident, actor=ana.actor)
        incident.refresh_from_db()
        page = Page.objects.live().get()
        assert (incident.severity, page.about, page.status) == ("SEV1", incident.subject, "climbing")
        later = raise_alert(key="drain 2", severity="SEV2", title="More", source="monitor:x", failure_mode="drain")
        assert later.incident == incident, "what was merged leads here"

    def test_the_page_of_what_senders_opened_follows_them(self, ana: User, clock: Clock) -> None:
        ensure_rows()

        def fires(key: str, source: str = "inbound:7") -> Alert:
            return raise_alert(
                key=f"inbound:7:{key}", severity="SEV1", title=key, source=source, failure_mode="stale-oracle"
            )

        def said(verb: Any, key: str, actor: str = "inbound:7") -> list[str]:
            verb(key=f"inbound:7:{key}", actor=actor)
            while link_once() or dispatch():
                pass
            return list(Page.objects.order_by("pk").values_list("status", flat=True))

        incident = fires("a").incident
        assert incident is not None and fires("b").incident == incident
        assert said(acknowledge_alert, "a") == ["climbing"], "of the other one nobody knows"
        assert said(acknowledge_alert, "b") == ["acked"]
        page = Page.objects.get()
        assert (page.acked_by, page.acked_how) == (None, "sender")
        assert b"Somebody elsewhere has it" in browser_of(ana).get(f"/notify/pages/{page.pk}/").content
        fires("c")
        assert said(clear_alert, "a") == ["resolved", "climbing"], "another one fires"
        said(clear_alert, "b")
        assert said(clear_alert, "c") == ["resolved", "resolved"]
        assert Page.objects.latest("pk").ended_because.startswith("its cause is gone")
        assert fires("a").incident == incident and Incident.objects.get().status == "triage"
        last = Page.objects.latest("pk")
        assert last.status == "climbing" and "fires again" in last.text
        fires("d", "monitor:x")
        said(clear_alert, "a")
        assert said(clear_alert, "d", "monitor:x")[-1] == "climbing", "what a monitor saw ends by people"

    def test_who_may_act_no_more_stops_no_page(self, ana: User, clock: Clock) -> None:
        page = asked()
        link = ack_link(page_id=page.pk, user_id=ana.pk).partition("//")[2].partition("/")[2]
        RoleGrant.objects.update(status="revoked")
        assert Client().post(f"/{link}").status_code == 410 and fresh(page).status == "climbing"

    def test_what_is_not_worth_waking_somebody_is_once_it_is_graver(self, ana: User) -> None:
        incident = incidents.open_incident(title="Odd", severity="SEV4", actor="monitor:x")
        assert not Page.objects.exists()
        incidents.change_severity(incident=incident, severity="SEV2", actor="monitor:x")
        assert Page.objects.get().severity == "SEV2"

    def test_what_is_private_stays_so(self, ana: User, ben: User, clock: Clock) -> None:
        """Its members are asked, whatever the ladder says, and no list."""
        load_audiences("system:test")
        save_ladder(
            slug="incidents", name="L", climb={"steps": [{"targets": ["person:ben"]}], "pause": 60}, actor="user:1"
        )
        incidents.open_incident(title="Insider", severity="SEV1", actor=ana.actor, private=True)
        page = Page.objects.get()
        work_off("notify.page")
        assert told(page) == [(0, 0, "ana")]
        assert browser_of(ben).get(f"/notify/pages/{page.pk}/").status_code == 404
        assert caller(ben).get(f"/api/v1/pages/{page.pk}/").status_code == 404
        assert caller(ben).post(f"/api/v1/pages/{page.pk}/ack/").status_code == 404
        assert not caller(ben).get("/api/v1/pages/").json()["results"]
        assert caller(ana).post(f"/api/v1/pages/{page.pk}/ack/").status_code == 200


class TestClimbing:
    def test_a_page_keeps_the_ladder_it_began_with(self, ana: User, ben: User, clock: Clock) -> None:
        save_ladder(slug="l", name="L", climb={"steps": STEPS}, actor=ana.actor)
        page = asked(ladder=frozen_ladder("none", "l"))
        save_ladder(slug="l", name="L", climb={"steps": [{"targets": ["person:ben"]}]}, actor=ana.actor)
        work_off("notify.page")
        clock.move(seconds=300)
        work_off("notify.page")
        assert told(page) == [(0, 0, "ana"), (0, 1, "ana"), (0, 1, "ben")]
        assert asked() == page, "the same key is the same page"

    def test_nobody_answers(self, ana: User, clock: Clock) -> None:
        """After its rounds there is an alarm, and it goes on: only an ack or its cause's end stops it."""
        climb = {"steps": [{"targets": ["person:ana"]}], "repeats": 1, "pause": 60}
        save_ladder(slug="l", name="L", climb=climb, actor=ana.actor)
        page = asked(ladder=frozen_ladder("l"), severity="SEV2")
        for _ in range(2):
            work_off("notify.page")
            clock.move(seconds=60)
        assert not fresh(page).unanswered_at
        work_off("notify.page")
        alarm = Event.objects.get(verb="page.unanswered").alarm or {}
        assert (alarm["key"], alarm["severity"]) == (f"page_unanswered:{page.pk}", "SEV2")
        clock.move(seconds=901)
        work_off("notify.page")
        assert told(page) == [(0, 0, "ana"), (1, 0, "ana"), (2, 0, "ana"), (3, 0, "ana")]
        ack(page=page, user=ana, actor=ana.actor, how="page")
        assert Event.objects.get(verb="page.acked").alarm["cleared"] is True  # type: ignore[index]
        clock.move(days=1)
        work_off("notify.page")
        assert Event.objects.filter(verb="page.unanswered").count() == 1

    def test_a_step_that_reaches_nobody_is_not_waited_for(self, ana: User, clock: Clock) -> None:
        User.objects.filter(pk=ana.pk).update(email="")
        ben = person("ben", "responder")
        steps = [{"targets": ["person:ana"]}, {"after": 900, "targets": ["role:responder"]}]
        save_ladder(slug="l", name="L", climb={"steps": steps}, actor=ana.actor)
        page = asked(ladder=frozen_ladder("l"))
        work_off("notify.page")
        assert told(page) == [(0, 1, ben.username)]
        assert Event.objects.get(verb="page.reached.nobody").after["unreached"] == "Ana"  # type: ignore[index]

    def test_what_has_not_left_is_withdrawn(self, ana: User, ben: User, clock: Clock) -> None:
        """The mail server was down for an hour: after the ack nobody is woken by what was queued."""
        page = asked()
        work_off("notify.page")
        assert set(Delivery.objects.values_list("status", flat=True)) == {"queued"}
        ack(page=page, user=ben, actor=ben.actor, how="page")
        work_off("notify.delivery")
        assert set(Delivery.objects.values_list("status", flat=True)) == {"withdrawn"}
        assert Message.objects.get().status == "withdrawn"


class TestTheApi:
    def test_list_ack_resolve_and_by_hand(self, ana: User, ben: User) -> None:
        page, val = asked(), person("val")
        assert caller(val).get("/api/v1/pages/?status=climbing").json()["results"][0]["id"] == page.pk
        assert caller(val).post(f"/api/v1/pages/{page.pk}/ack/").status_code == 403
        program = program_of(ana, "incidents:write")
        for _ in range(2):
            answer = program.post(f"/api/v1/pages/{page.pk}/ack/", headers={"Idempotency-Key": "one"})
            assert answer.status_code == 200, answer.content
        shown = answer.json()
        assert (shown["status"], shown["acked_by"], shown["acked_how"]) == ("acked", ana.actor, "api")
        assert shown["climb"]["steps"][0]["targets"] == ["role:commander"]
        assert not Event.objects.filter(verb="page.held").exists(), "the second was the first again"
        assert caller(ben).post(f"/api/v1/pages/{page.pk}/ack/").json()["acked_by"] == ana.actor
        assert Event.objects.get(verb="page.held").actor == ben.actor
        assert caller(ben).post(f"/api/v1/pages/{page.pk}/resolve/", {"reason": ""}).status_code == 400
        done = caller(ben).post(f"/api/v1/pages/{page.pk}/resolve/", {"reason": "found the cause"})
        assert done.json()["status"] == "resolved"
        assert caller(ben).post(f"/api/v1/pages/{page.pk}/ack/").status_code == 409
        made = caller(ana).post("/api/v1/pages/", {"targets": ["person:ben"], "title": "Look at this"}, format="json")
        assert made.status_code == 201 and made.json()["ladder"] == "by hand"
        for targets in (["person:val"], ["person:nobody"], ["role:viewer"], ["audience:lps"], ["x"], []):
            body = {"targets": targets, "title": "Look"}
            assert caller(ana).post("/api/v1/pages/", body, format="json").status_code == 400, targets
        assert Page.objects.count() == 2


class TestLadders:
    @pytest.mark.parametrize(
        ("climb", "field"),
        [
            ({"steps": []}, "steps"),
            ({"steps": [{"targets": []}]}, "steps.0.targets"),
            ({"steps": [{"targets": ["role:admin"], "after": -1}]}, "steps.0.after"),
            ({"steps": [{"targets": ["audience:a", "audience:b"]}]}, "steps.0.targets"),
            ({"steps": [{"targets": ["role:auditor"]}]}, "steps.0.targets"),
            ({"steps": [{"targets": ["role:admin"]}], "pause": 1}, "pause"),
            ({"steps": [{"targets": ["role:admin"]}], "repeat": 1}, "repeat"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, climb: dict[str, Any], field: str) -> None:
        with pytest.raises(Invalid) as caught:
            save_ladder(slug="l", name="L", climb=climb, actor="user:1")
        assert caught.value.field == field

    def test_without_one_everybody_who_may_lead_is_asked(self, ana: User, ben: User, clock: Clock) -> None:
        page = asked()
        work_off("notify.page")
        assert {name for *_, name in told(page)} == {"ana", "ben"}
        with pytest.raises(Refused):
            resolve(page=resolve(page=page, actor=ana.actor, reason="done"), actor=ana.actor, reason="again")
