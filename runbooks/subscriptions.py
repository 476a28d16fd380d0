"""What happened on floors below that a waiting step or run may care about. The step itself looks at the truth."""

from collections.abc import Sequence

from accounts.approvals.models import Approval
from governance.proposals.models import Proposal
from integrations.chain.transactions.models import Transaction
from ledger import subscribe
from ledger.models import Event
from runbooks.rehearsals.services import rehearse_for, rehearse_new
from runbooks.runs import aftermath
from runbooks.runs.engine import KIND
from runbooks.runs.locks import waiting_for
from runbooks.runs.models import OPEN_STEP, Run, Stage, StepRun
from runbooks.runs.services import abort_run, approved
from work import wake


def _number(subject: str, noun: str) -> int | None:
    name, _, number = subject.partition(":")
    return int(number) if name == noun and number.isdigit() else None


def _wake(step: StepRun | None) -> None:
    if step is not None and step.status in ("pending", *OPEN_STEP):
        wake(KIND, step.key)


def _may_be_a_plans(event: Event) -> bool:
    """What is proposed by hand says so itself, and concerns no run."""
    return (event.after or {}).get("plan", "") is not None


@subscribe("proposal.*", name="runbooks.proposals", when=_may_be_a_plans)
def proposal_moved(event: Event) -> None:
    """Found by the plan and the step, not by what the step says it waits for: that may not be written yet."""
    number = _number(event.subject, "proposal")
    proposal = Proposal.objects.filter(pk=number, plan__isnull=False).first() if number else None
    if proposal is None or proposal.plan_id is None:
        return
    found = StepRun.objects.filter(run__plan_id=proposal.plan_id, step_id=proposal.step_id)
    step = found.select_related("run__scope", "run__plan").first()
    before = str((event.before or {}).get("status", ""))
    if step is not None:
        aftermath.proposal_moved(step, proposal, before=before, actor=event.actor, reason=event.reason)
        aftermath.landed(step)
    _wake(step)


@subscribe("transaction.*", name="runbooks.transactions")
def transaction_moved(event: Event) -> None:
    """Found by what the transaction is for, not by what the step says it waits for: that may not be written yet."""
    number = _number(event.subject, "transaction")
    transaction = Transaction.objects.filter(pk=number, about__startswith="step:").first() if number else None
    pk = _number(transaction.about, "step") if transaction else None
    step = (
        StepRun.objects.filter(pk=pk, type__in=("send", "timelock")).select_related("run__scope", "run__plan").first()
        if pk
        else None
    )
    if transaction is None or step is None:
        return
    if step.status in ("done", "unknown", "failed") or step.stage == Stage.AFTER:
        before = str((event.before or {}).get("status", ""))
        aftermath.transaction_moved(step, transaction, before=before, actor=event.actor, reason=event.reason)
    aftermath.landed(step)
    _wake(step)


@subscribe("approval.*", name="runbooks.approvals")
def approval_moved(event: Event) -> None:
    number = _number(event.subject, "approval")
    approval = Approval.objects.filter(pk=number).first() if number else None
    if approval is None:
        return
    if step := _number(approval.about, "step"):
        _wake(StepRun.objects.filter(pk=step).first())
    elif run := _number(approval.about, "run"):
        found = Run.objects.filter(pk=run, status="awaiting_approval").first()
        if found and approval.status == "satisfied":
            approved(found, actor=event.actor)
        elif found and approval.status == "refused":  # nobody can say yes any more: it would wait for ever
            abort_run(run=found, actor=event.actor, reason=f"its approval was refused: {event.reason}")


@subscribe("lock.freed", name="runbooks.locks")
def lock_freed(event: Event) -> None:
    for step in waiting_for(event.subject):
        _wake(step)


@subscribe("message.*", name="runbooks.messages", many=True)
def messages_moved(events: Sequence[Event]) -> None:
    """Most messages are no step's, and in a flood of alerts there are hundreds a second."""
    for step in StepRun.objects.filter(waiting_for__in={event.subject for event in events}, status__in=OPEN_STEP):
        _wake(step)


@subscribe("run.drafted", name="runbooks.rehearsals")
def run_drafted(event: Event) -> None:
    number = _number(event.subject, "run")
    run = Run.objects.select_related("plan__scope").filter(pk=number).first() if number else None
    if run is not None and not run.is_over:
        rehearse_new(run)


@subscribe("proposal.signing", name="runbooks.rehearsals.proposals", when=_may_be_a_plans)
def signing_began(event: Event) -> None:
    """Before anyone signs: also where the way to this step was only opened by a decision."""
    number = _number(event.subject, "proposal")
    proposal = Proposal.objects.select_related("plan").filter(pk=number, plan__isnull=False).first() if number else None
    if proposal is not None:
        rehearse_for(proposal)
