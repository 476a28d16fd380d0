"""What happened below that moves a proposal. Each handler only writes down work: reading the chain is not its place."""

from collections.abc import Sequence

from django.db.models import Q

from governance.exchange.exchanging import hurry
from governance.jobs import OUTCOME, SETTLE
from governance.proposals import reminding
from governance.proposals.approving import approved_by
from governance.proposals.counting import BLOCKED, COLLECTING, enqueue_recount
from governance.proposals.models import Proposal, Via
from governance.proposals.signing import EXECUTE
from governance.proposals.telling import ask_all
from governance.safes.models import Safe
from governance.waivers.models import Waiver
from integrations.chain.transactions.models import Transaction
from ledger import subscribe, transition
from ledger.models import Event
from work import enqueue
from work.models import Work
from work.services import wake

ENDED = ("mined", "failed", "refused", "dropped", "unknown")
ACTOR = "system:governance"


def _number(subject: str, noun: str) -> int | None:
    name, _, number = subject.partition(":")
    return int(number) if name == noun and number.isdigit() else None


@subscribe("transaction.*", name="governance.transactions")
def transaction_moved(event: Event) -> None:
    """Mined, or ended otherwise: read what became of the proposal. Back from mined: a reorg took its block."""
    number = _number(event.subject, "transaction")
    sent = Transaction.objects.filter(pk=number).first() if number else None
    about = _number(sent.about, "proposal") if sent else None
    proposal = Proposal.objects.select_related("scope").filter(pk=about).first() if about else None
    if sent is None or proposal is None:
        return
    what = event.verb.removeprefix("transaction.")
    before = (event.before or {}).get("status")
    if what == "broadcast" and before == "mined" and proposal.status == "executed":
        transition(proposal, "executing", actor=ACTOR, reason="a reorg took the block that it was executed in")
    elif what in ("broadcast", "reserved") and before == "unknown" and proposal.status == "unknown":
        transition(proposal, "executing", actor=event.actor, reason=event.reason, also={"stopped": None})
    elif what in ENDED:
        enqueue(
            OUTCOME,
            key=f"proposal:{proposal.pk}:{event.pk}",
            subject=proposal.subject,
            payload={"proposal": proposal.pk, "transaction": sent.pk},
            scope=proposal.scope,
            actor=ACTOR,
        )


@subscribe("proposal.signing", name="governance.signers", many=True)
def signing_began(events: Sequence[Event]) -> None:
    """Signers are told once; a proposal that falls back to signing does not ask them all anew."""
    numbers = {number for event in events if (number := _number(event.subject, "proposal"))}
    rows = Proposal.objects.select_related("scope", "safe__chain").filter(pk__in=numbers, status="signing")
    found = {row.subject: row for row in rows.order_by("pk")}
    if found:
        ask_all(list(found.values()))
        reminding.begin_all((found[event.subject], event) for event in events if event.subject in found)


@subscribe("safe.nonce.changed", name="governance.nonces")
def nonce_moved(event: Event) -> None:
    """Open proposals at a used nonce are dead (or were executed by others); the next in the queue may go."""
    number = _number(event.subject, "safe")
    safe = Safe.objects.filter(pk=number).first() if number else None
    if safe is None:
        return
    for proposal in Proposal.objects.filter(safe=safe, status__in=("draft", "signing", "ready")).select_related(
        "scope"
    ):
        if proposal.nonce < safe.nonce:
            enqueue(
                SETTLE,
                key=f"proposal:{proposal.pk}:{safe.nonce}",
                subject=proposal.subject,
                payload={"proposal": proposal.pk},
                scope=proposal.scope,
                actor=ACTOR,
            )
        elif proposal.nonce == safe.nonce:
            # Also one that is running: it may have read the nonce before, and would fall asleep on it.
            asleep = Work.objects.filter(kind=EXECUTE, subject=proposal.subject, status__in=("waiting", "running"))
            for key in asleep.values_list("key", flat=True):
                wake(EXECUTE, key)


@subscribe("safe.*", name="governance.counts")
def safe_changed(event: Event) -> None:
    """Who may sign, or how many must: every open count of this Safe, and of those that it owns, is made again."""
    number = _number(event.subject, "safe")
    safe = Safe.objects.filter(pk=number).first() if number else None
    if safe is None or not event.verb.endswith(".changed") or event.verb == "safe.nonce.changed":
        return
    concerned = Q(safe=safe) | Q(safe__chain=safe.chain_id, safe__owners__contains=[safe.address])
    for proposal in Proposal.objects.filter(concerned, status__in=COLLECTING).select_related("scope"):
        enqueue_recount(proposal, key=str(event.pk), actor=ACTOR)


@subscribe("proposal.executed", name="governance.approvals")
def approval_executed(event: Event) -> None:
    """A Safe that owns another one has approved a hash of it."""
    number = _number(event.subject, "proposal")
    done = Proposal.objects.filter(pk=number).select_related("safe").first() if number else None
    for proposal in approved_by(done) if done else ():
        enqueue_recount(proposal, key=str(event.pk), actor=ACTOR)


@subscribe("approval.satisfied", name="governance.waivers")
def let_pass(event: Event) -> None:
    """What had enough signatures and was held back by a finding may be ready now."""
    number = _number(str((event.after or {}).get("about", "")), "waiver")
    waiver = Waiver.objects.filter(pk=number).select_related("proposal__scope").first() if number else None
    if waiver and waiver.proposal.status == "signing" and (waiver.proposal.stopped or {}).get("code") == BLOCKED:
        enqueue_recount(waiver.proposal, key=str(event.pk), actor=ACTOR)


@subscribe("confirmation.*", name="governance.exchange", many=True)
def signed(events: Sequence[Event]) -> None:
    """A signature that did not come from the service is given to it at once; many to one Safe, by one exchange."""
    ours = (event for event in events if (event.after or {}).get("via") != Via.SERVICE)
    numbers = {number for event in ours if (number := _number(event.subject, "proposal"))}
    for safe in Safe.objects.filter(pk__in=Proposal.objects.filter(pk__in=numbers).values("safe")):
        hurry(safe)
