"""Telling people: audiences, authority, the outbox, a mail server that misbehaves."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.approvals.services import give, refuse
from accounts.grants.models import RoleGrant
from accounts.models import Approval, User
from ledger import Invalid, chain, scopes, subscriptions
from ledger.models import Event, Scope
from notify.audiences.models import Audience
from notify.audiences.services import add_audience, add_destination, set_enabled
from notify.messages.services import resend, send
from notify.models import Delivery, Destination, Lane, Message
from runbooks.playbooks.services import save_version
from runbooks.runs.services import begin, start_run
from tests.drain import settle
from tests.mailserver import MailServer
from work import runner
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mail(settings: Any) -> Iterator[MailServer]:
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 2
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield server


@pytest.fixture
def outside() -> None:
    audience = add_audience(slug="lps", name="LPs", kind="outside", actor="system:test")
    add_destination(channel="email", config={"address": "lps@example.org"}, audience=audience, actor="system:test")


def person(name: str, level: str = "responder") -> User:
    user = User.objects.create_user(username=name, email=f"{name}@example.org")
    if level == "viewer":
        return user
    RoleGrant.objects.create(user=user, level=level, requested_by="system:test", status="active")
    return user


def tell(key: str = "k", audience: str = "lps", **kw: Any) -> Message:
    context = {"subject": "Paused", "body": "The vault is paused.\nNext update in 30 minutes."}
    return send(key=key, actor="system:test", audience=audience, context=context, **kw)


def work_off() -> None:
    """What a worker does, without waiting for pauses."""
    Lane.objects.update(busy_until=timezone.now() - timedelta(seconds=1), free_at=timezone.now() - timedelta(days=1))
    Work.objects.filter(status="queued").update(run_at=timezone.now() - timedelta(seconds=1))
    for pk in list(Work.objects.filter(kind="notify.delivery", status="queued").values_list("pk", flat=True)):
        runner.run(pk)


def subscribers() -> None:
    subscriptions.ensure_rows()
    while chain.link_once():
        pass
    subscriptions.dispatch(["notify.approved", "notify.refused"])


def test_an_approved_message_is_mailed_once(mail: MailServer, outside: None) -> None:
    first, again = tell(authority="plan:0x1"), tell(authority="plan:0x1")
    assert first == again
    work_off()
    work_off()
    first.refresh_from_db()
    assert first.status == "sent" and len(mail.received) == 1
    to, letter = mail.received[0]
    assert to == ["lps@example.org"] and letter["Subject"] == "Paused"
    assert "Next update in 30 minutes." in str(letter.get_payload())
    assert Event.objects.filter(verb="delivery.sent").count() == 1


def test_nobody_outside_hears_what_nobody_approved(mail: MailServer, outside: None) -> None:
    commander = person("ben", "commander")
    subscribers()
    message = tell()
    work_off()
    assert message.status == "awaiting_approval" and not mail.received and not Delivery.objects.exists()
    approval = Approval.objects.get(about=message.subject)
    assert approval.role == "commander" and approval.subject_hash == message.digest
    give(approval=approval, user=commander)
    subscribers()
    work_off()
    message.refresh_from_db()
    assert message.status == "sent" and message.authority == approval.subject and len(mail.received) == 1


def test_words_changed_after_the_approval_are_not_sent(mail: MailServer, outside: None) -> None:
    commander = person("ben", "commander")
    subscribers()
    message = tell()
    give(approval=Approval.objects.get(about=message.subject), user=commander)
    Message.objects.filter(pk=message.pk).update(body="All is well.")
    subscribers()
    work_off()
    message.refresh_from_db()
    assert message.status == "rejected" and not mail.received


def test_a_refusal_ends_it(mail: MailServer, outside: None) -> None:
    commander = person("ben", "commander")
    subscribers()
    message = tell()
    refuse(approval=Approval.objects.get(about=message.subject), user=commander, reason="names a cause too early")
    subscribers()
    message.refresh_from_db()
    assert message.status == "rejected" and not mail.received


def test_inside_audiences_follow_the_roles(mail: MailServer) -> None:
    add_audience(slug="responders", name="R", kind="inside", level="responder", actor="system:test")
    person("carol"), person("ben", "commander"), User.objects.create_user("val", email="val@example.org")
    message = tell(audience="responders")
    work_off()
    message.refresh_from_db()
    assert message.status == "sent"
    assert sorted(to[0] for to, _ in mail.received) == ["ben@example.org", "carol@example.org"]


def test_a_person_with_own_destinations_is_told_there(mail: MailServer) -> None:
    carol = person("carol")
    add_destination(channel="email", config={"address": "phone@example.org"}, user=carol, actor="system:test")
    send(key="k", actor="system:test", users=[carol, carol], context={"subject": "Sign", "body": "now"}, link="/p/1/")
    work_off()
    assert [to for to, _ in mail.received] == [["phone@example.org"]]
    assert "http" in str(mail.received[0][1].get_payload()) and "/p/1/" in str(mail.received[0][1].get_payload())


@pytest.mark.parametrize("trouble", ["451 later", "554 5.7.1 these words look odd", "hang-up", "slow:3"])
def test_a_passing_failure_is_tried_again_with_the_same_message_id(
    mail: MailServer, outside: None, trouble: str
) -> None:
    mail.answers = [trouble]
    message = tell(authority="plan:0x1")
    work_off()
    delivery = Delivery.objects.get()
    assert delivery.status == "queued" and delivery.error
    assert Work.objects.get(kind="notify.delivery").run_at > timezone.now()
    work_off()
    message.refresh_from_db()
    assert message.status == "sent"
    assert len({letter["Message-ID"] for _, letter in mail.received}) == 1


def test_a_refusal_for_good_says_so_and_switches_the_destination_off(mail: MailServer, outside: None) -> None:
    mail.unwanted = "550 5.1.1 no such mailbox"
    message = tell(authority="plan:0x1")
    work_off()
    work_off()
    mail.unwanted = ""
    delivery = Delivery.objects.get()
    message.refresh_from_db()
    assert delivery.status == "failed" and "550" in delivery.error and message.status == "failed"
    destination = Destination.objects.get()
    assert not destination.enabled and "550" in destination.disabled_because
    set_enabled(destination=destination, enabled=True, actor="user:1")
    resend(delivery=delivery, actor="user:1")
    work_off()
    message.refresh_from_db()
    assert message.status == "sent" and len(mail.received) == 1


def test_a_server_that_stays_away_ends_in_a_failed_delivery(settings: Any, outside: None) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    message = tell(authority="plan:0x1")
    for _ in range(3):
        work_off()
    Delivery.objects.update(queued_at=timezone.now() - timedelta(hours=7))
    work_off()
    message.refresh_from_db()
    assert message.status == "failed" and "gave up within 6 hours, after 4 tries" in Delivery.objects.get().error


def test_an_audience_that_reaches_nobody_fails_at_once(mail: MailServer) -> None:
    add_audience(slug="lps", name="LPs", kind="outside", actor="system:test")
    message = tell(authority="plan:0x1")
    message.refresh_from_db()
    assert message.status == "failed" and Event.objects.filter(verb="message.reached.nobody").exists()


@pytest.mark.parametrize(
    ("audience", "context", "field"),
    [
        ("nobody", {"subject": "s", "body": "b"}, "audience"),
        ("lps", {"subject": "", "body": "b"}, "subject"),
        ("lps", {"subject": "s" * 201, "body": "b"}, "subject"),
        ("lps", {"subject": "s", "body": ""}, "body"),
    ],
)
def test_bad_input_stores_nothing(outside: None, audience: str, context: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        send(key="k", actor="system:test", audience=audience, context=context)
    assert caught.value.field == field and not Message.objects.exists()


def test_a_header_cannot_be_smuggled_in(mail: MailServer, outside: None) -> None:
    context = {"subject": "Paused\nBcc: thief@example.org", "body": "b"}
    send(key="k", actor="system:test", audience="lps", context=context, authority="plan:0x1")
    work_off()
    assert all(to == ["lps@example.org"] and letter["Bcc"] is None for to, letter in mail.received)


def test_messages_of_a_private_scope_are_private(outside: None) -> None:
    with transaction.atomic():
        scope: Scope = scopes.open_scope(kind="incident", title="q", actor="system:test")
    tell(authority="plan:0x1", scope=scope)
    scopes.set_private(scope=scope, private=True, actor="system:test")
    val = person("val", "viewer")
    assert not Message.objects.visible_to(val).exists() and not Delivery.objects.visible_to(val).exists()
    assert Message.objects.visible_to(person("frank", "auditor")).exists()


def test_addresses_are_sealed(outside: None) -> None:
    stored = Destination.objects.values_list("sealed", flat=True).get()
    assert "lps@example.org" not in stored


EXERCISE = """\
playbook: tell
title: Tell everybody
summary: Those outside, then those inside.
steps:
  - {id: out, notify: {audience: lps, subject: The vault is paused, text: Withdraw nothing.}}
  - {id: in, notify: {audience: desk, subject: The vault is paused, text: Withdraw nothing.}}
"""


@pytest.mark.parametrize("environment", ["drill", "rehearsal"])
def test_an_exercise_tells_nobody_outside_and_says_inside_what_it_is(outside: None, environment: str) -> None:
    """A commander starts it, whose word lets a message out: nobody could call it back."""
    add_audience(slug="desk", name="Desk", kind="inside", level="responder", actor="system:test")
    starter = person("ana", "commander")
    version = save_version(yaml=EXERCISE, actor=starter.actor)
    run = start_run(playbook=version, inputs={}, scope=None, actor=starter.actor, environment=environment)
    settle()
    out, inside = run.steps.order_by("position")
    assert (out.status, out.proof) == ("done", f"not sent in a {environment}: to lps: The vault is paused")
    assert inside.status == "done"
    message = Message.objects.get()
    assert (message.audience_id, message.subject_line) == (
        Audience.objects.get(slug="desk").pk,
        f"[{environment}] The vault is paused",
    )


def test_in_earnest_the_same_playbook_tells_them(outside: None) -> None:
    add_audience(slug="desk", name="Desk", kind="inside", level="responder", actor="system:test")
    starter = person("ana", "commander")
    version = save_version(yaml=EXERCISE, actor=starter.actor)
    start_run(playbook=version, inputs={}, scope=None, actor=starter.actor)
    settle()
    assert [one.subject_line for one in Message.objects.order_by("pk")] == ["The vault is paused"] * 2


@pytest.mark.parametrize(
    ("holds", "begins", "said"),
    [("commander", "responder", "awaiting_approval"), ("responder", "commander", "sent")],
)
def test_a_held_draft_speaks_with_the_authority_of_who_begins_it(
    outside: None, mail: MailServer, holds: str, begins: str, said: str
) -> None:
    """The commander who held it left it to somebody else whether anything is said at all."""
    holder, starter = person("ana", holds), person("bob", begins)
    version = save_version(yaml=EXERCISE.replace("audience: desk", "audience: lps"), actor=holder.actor)
    run = start_run(playbook=version, inputs={}, scope=None, actor=holder.actor, hold=True)
    assert run.begun_by == ""
    begin(run=run, actor=starter.actor)
    settle()
    run.refresh_from_db()
    assert (run.created_by, run.begun_by) == (holder.actor, starter.actor)
    first = Message.objects.order_by("pk")[0]
    assert (first.status, bool(first.authority), bool(mail.received)) == (said, said == "sent", said == "sent")
    approval = Approval.objects.filter(status="open").first()
    assert (approval is not None) is (begins == "responder")
    if approval is not None:
        assert (approval.role, approval.requester) == ("commander", starter.actor)
