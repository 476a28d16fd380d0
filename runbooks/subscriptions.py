"""What happened on floors below that a waiting step or run may care about. The step itself looks at the truth."""

from accounts.approvals.models import Approval
from governance.proposals.models import Proposal
from ledger import subscribe
from ledger.models import Event
from runbooks.runs import aftermath
from runbooks.runs.engine import KIND
from runbooks.runs.models import OPEN_STEP, Run, StepRun
from runbooks.runs.services import approved
from work import wake


def _number(subject: str, noun: str) -> int | None:
    name, _, number = subject.partition(":")
    return int(number) if name == noun and number.isdigit() else None


def _wake(step: StepRun | None) -> None:
    if step is not None and step.status in ("pending", *OPEN_STEP):
        wake(KIND, step.key)


@subscribe("proposal.*", name="runbooks.proposals")
def proposal_moved(event: Event) -> None:
    """Found by the plan and the step, not by what the step says it waits for: that may not be written yet."""
    number = _number(event.subject, "proposal")
    proposal = Proposal.objects.filter(pk=number, plan__isnull=False).first() if number else None
    if proposal is None or proposal.plan_id is None:
        return
    found = StepRun.objects.filter(run__plan_id=proposal.plan_id, step_id=proposal.step_id)
    step = found.select_related("run__scope", "run__plan").first()
    if step is not None and step.status in ("done", "unknown"):
        before = str((event.before or {}).get("status", ""))
        aftermath.proposal_moved(step, proposal, before=before, actor=event.actor, reason=event.reason)
    else:
        _wake(step)


@subscribe("approval.*", name="runbooks.approvals")
def approval_moved(event: Event) -> None:
    number = _number(event.subject, "approval")
    approval = Approval.objects.filter(pk=number).first() if number else None
    if approval is None:
        return
    if step := _number(approval.about, "step"):
        _wake(StepRun.objects.filter(pk=step).first())
    elif (run := _number(approval.about, "run")) and approval.status == "satisfied":
        found = Run.objects.filter(pk=run, status="awaiting_approval").first()
        if found:
            approved(found, actor=event.actor)


@subscribe("message.*", name="runbooks.messages")
def message_moved(event: Event) -> None:
    for step in StepRun.objects.filter(waiting_for=event.subject, status__in=OPEN_STEP):
        _wake(step)
