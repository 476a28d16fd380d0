"""Signers are reminded, and a proposal that nobody signs climbs a ladder: to its signers again, then to commanders.

The ladder is a row of `work` for each collecting of signatures; its rungs are frozen in it when it begins. A rung is a
message with a key of its own, so it is told once whatever dies; rungs that were slept through are told as one.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from accounts.selectors import people_at
from governance.proposals.counting import refuse_unless_signing
from governance.proposals.ending import expired
from governance.proposals.models import Proposal
from governance.proposals.owning import Owning, owning_safes
from governance.proposals.selectors import Quorum, quorum
from ledger import Refused
from ledger.models import Event
from notify.models import Message
from notify.services import send
from work import Done, Item, Lease, Outcome, Wait, enqueue_many

REMIND = "governance.remind"
ACTOR = "system:governance"
SIGNERS, COMMANDERS = "signers", "commanders"
MINUTE, HOUR = 60, 3600
SPACING = 2  # minutes between two reminders by hand
# Seconds after it began, and who is told. In an emergency minutes count; what is made by hand can wait for the day.
URGENT = ((2 * MINUTE, SIGNERS), (5 * MINUTE, COMMANDERS), (10 * MINUTE, SIGNERS), (15 * MINUTE, COMMANDERS))
CALM = ((4 * HOUR, SIGNERS), (24 * HOUR, SIGNERS), (48 * HOUR, COMMANDERS))


def begin_all(begun: Iterable[tuple[Proposal, Event]]) -> None:
    """In the transaction of whoever heard that signatures are collected."""
    enqueue_many([_ladder(proposal, event) for proposal, event in begun])


def _ladder(proposal: Proposal, began: Event) -> Item:
    ladder = URGENT if proposal.plan_id or proposal.scope.kind != "proposal" else CALM
    return Item(
        kind=REMIND,
        key=f"proposal:{proposal.pk}:{began.pk}",
        subject=proposal.subject,
        payload={"proposal": proposal.pk, "since": began.at.isoformat(), "ladder": ladder},
        scope=proposal.scope,
        actor=ACTOR,
        run_at=began.at + timedelta(seconds=ladder[0][0]),
    )


def run(lease: Lease) -> Outcome:
    """The work `governance.remind`: tell whom the ladder has reached, and sleep until its next rung."""
    proposal = Proposal.objects.select_related("scope", "safe__chain").get(pk=lease.work.payload["proposal"])
    if proposal.status != "signing" or expired(proposal):
        return Done({"status": proposal.status})
    rungs = [
        (datetime.fromisoformat(lease.work.payload["since"]) + timedelta(seconds=after), whom)
        for after, whom in lease.work.payload["ladder"]
    ]
    now = timezone.now()
    later = [due for due, _ in rungs if due > now]
    outcome = Wait(until=later[0], reason="the next reminder") if later else Done()
    reached = _reached(lease.work.key, len(rungs))
    due = {whom: number for number, (at, whom) in enumerate(rungs) if at <= now and number > reached}
    with lease.commit(outcome):
        for whom, number in sorted(due.items(), key=lambda one: one[1]):
            tell(proposal, whom, key=_key(lease.work.key, number))
    return outcome


def _key(work_key: str, number: int) -> str:
    return f"{work_key}:reminder:{number}"


def _reached(work_key: str, rungs: int) -> int:
    """The highest rung that was told; -1 before the first."""
    keys = {_key(work_key, number): number for number in range(rungs)}
    told = Message.objects.filter(key__in=list(keys)).values_list("key", flat=True)
    return max((keys[key] for key in told), default=-1)


def by_hand(*, proposal: Proposal, actor: str) -> Message:
    """Somebody presses: the signers who are missing hear of it again, but not more often than they can react."""
    refuse_unless_signing(proposal)
    if proposal.status != "signing":
        raise Refused("It has enough signatures; nobody is asked to sign it.", "", "not-signing")
    now, before = timezone.now(), f"proposal:{proposal.pk}:by-hand:"
    if Message.objects.filter(key__startswith=before, created_at__gt=now - timedelta(minutes=SPACING)).exists():
        raise Refused("They were reminded just now.", f"phone them, or press again in {SPACING} minutes", "too-soon")
    told = tell(proposal, SIGNERS, key=f"{before}{int(now.timestamp())}", actor=actor)
    if told is None:
        raise Refused("Nobody who is still to sign has an account here.", "reach them another way", "nobody-to-tell")
    return told


def tell(proposal: Proposal, whom: str, *, key: str, actor: str = ACTOR) -> Message | None:
    """Those who have not signed; or the commanders who may know of it, with who signed and who has seen it."""
    people, owning = quorum(proposal), owning_safes(proposal)
    users = _unsigned(people, owning) if whom == SIGNERS else _commanders(proposal)
    if not users:
        return None
    return send(
        key=key,
        actor=actor,
        users=users,
        template="sign_again" if whom == SIGNERS else "sign_nobody",
        context=_context(proposal, people, owning),
        scope=proposal.scope,
        link=f"/governance/proposals/{proposal.pk}/",
    )


def _context(proposal: Proposal, people: Quorum, owning: list[Owning]) -> dict[str, Any]:
    within = {one.safe.address: one for one in owning}
    waiting = [(one, within.get(one.address)) for one in people.signers if not one.counts and not one.removed]
    return {"proposal": proposal, "safe": proposal.safe, "quorum": people, "waiting": waiting}


def _unsigned(people: Quorum, owning: list[Owning]) -> list[User]:
    """Owners, and owners of owners that are Safes. Who is to sign another proposal, an approval, hears of that one."""
    signed = {one.user_id for one in people.signers if one.counts}
    asked = {one.user_id for one in people.signers if one.user_id and not one.removed} - signed
    for one in owning:
        asked |= {signer.user_id for signer in one.to_sign if signer.user_id}
        if one.why_not and not one.given and one.approval is None:
            asked |= {signer.user_id for signer in one.signers if signer.user_id}
        asked |= {pk for deeper in one.deeper if not deeper.given and deeper.approval is None for pk in deeper.people}
    return list(User.objects.filter(pk__in=asked, is_active=True).order_by("pk"))


def _commanders(proposal: Proposal) -> list[User]:
    rows = Proposal.objects.filter(pk=proposal.pk)
    return [user for user in people_at("commander") if rows.visible_to(user).exists()]
