"""Where runs and steps ask people: approvals by the plan's hash."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from accounts.approvals.models import Approval
from accounts.approvals.selectors import LIVE, is_satisfied
from accounts.approvals.services import request_approval, withdraw
from governance.plans.canonical import canonical_bytes, hash_of
from governance.plans.services import values_hash
from governance.proposals.models import Proposal
from integrations.chain.transactions.models import Transaction
from runbooks.playbooks.schema import RunApproval
from runbooks.runs.models import OPEN_STEP, Phase, Run, StepRun
from runbooks.runs.outline import outline_of
from runbooks.steps import Turn


def run_link(run: Run) -> str:
    return reverse("runbooks:run", args=[run.pk])


def asker(run: Run) -> str:
    """Who began it; runs that began before that was written down say only who made them."""
    return run.begun_by or run.created_by


def ask_for_run(run: Run, rule: RunApproval, *, actor: str) -> Approval:
    return request_approval(
        subject=run.subject,
        subject_hash=run.plan_hash,
        scope=run.scope,
        required=rule.required,
        role=rule.role,
        requester=asker(run),
        drafter=run.created_by,
        needs=rule.needs,
        title=f"Run {run.title}",
        link=run_link(run),
        actor=actor,
    )


def step_approval(turn: Turn) -> Approval:
    """The approval of this attempt: asked for once a hash. A no stands; a value that became known asks anew."""
    step, params = turn.step, turn.params
    asked = step.waiting_for.removeprefix("approval:")
    found = Approval.objects.filter(pk=int(asked)).first() if asked.isdigit() else None
    wanted = approval_hash(step.run)
    if found and (found.status == "refused" or (found.status in LIVE and found.subject_hash == wanted)):
        return found
    with turn.lease.commit():
        return request_approval(
            subject=step.subject,
            subject_hash=wanted,
            scope=step.run.scope,
            required=params["required"],
            role=params["role"],
            requester=asker(step.run),
            drafter=step.run.created_by,
            needs=params["needs"],
            title=params["question"],
            link=run_link(step.run),
            actor=step.actor,
        )


def approval_hash(run: Run) -> str:
    """What people say yes to: the plan, and once values are known the plan with every value recorded until now."""
    return values_hash(run.plan) if run.plan.values.exists() else run.plan_hash


def not_approved(run: Run, *, acts: bool, step_id: str) -> str:
    """Why a step may not begin: the plan's approval, or, for what is done outside, any that this run passed,
    does not hold at this moment.

    Counted anew with the roles of today; wallets' signatures are recovered again. The way back (rolling back, steps
    that always run) does not ask: taking a yes back stops what was not done yet, never what puts things right.
    """
    if run.needs_approval and not is_satisfied(run.subject, run.plan_hash):
        return "the plan's approval no longer holds"
    if not acts:
        return ""
    failed = run.steps.filter(type="approve", status="failed", phase="main", step_id__in=_above(run, step_id)).first()
    if failed is not None:
        return f"the approval “{failed.title}” was not given"
    passed = list(run.steps.filter(type="approve", status="done", phase="main").only("pk", "title", "output"))
    if not passed:
        return ""
    allowed = _hashes(run)
    for step in passed:
        given = str(step.output.get("hash", run.plan_hash))
        if given not in allowed or not is_satisfied(step.subject, given):
            return f"the approval “{step.title}” no longer holds"
    return ""


def _above(run: Run, step_id: str) -> set[str]:
    """Every step that this one waits for, directly or not."""
    rules, found = outline_of(run.plan).rules, set[str]()
    look = set(rules[step_id].needs) if step_id in rules else set()
    while look:
        name = look.pop()
        found.add(name)
        look |= rules[name].needs - found
    return found


def objection(proposal: Proposal) -> str:
    """Why a step's proposal must not be executed now: asked by governance right before it hands it over."""
    if proposal.plan_id is None:
        return ""
    found = StepRun.objects.filter(run__plan_id=proposal.plan_id, step_id=proposal.step_id)
    step = found.select_related("run__plan").first()
    if step is None:
        return ""
    if why := _left_behind(step):
        return f"{why}; reject it, or propose it by hand if it is wanted after all"
    why = not_approved(step.run, acts=True, step_id=step.step_id) if step.phase == Phase.MAIN else ""
    return f"{why}; have it approved anew, then execute it" if why else ""


def given_up(proposal: Proposal) -> str:
    """Why no run waits for this proposal any more: others need not queue behind it."""
    step = StepRun.objects.filter(run__plan=proposal.plan, step_id=proposal.step_id).first()
    return "" if step is not None and step.status in ("pending", *OPEN_STEP) else "no step of a run waits for it"


def objection_to_sending(transaction: Transaction) -> str:
    """Why a step's transaction must not be sent now: asked while it waits for its executor, before it has a nonce."""
    noun, _, number = transaction.about.partition(":")
    if noun != "step" or not number.isdigit():
        return ""
    step = StepRun.objects.select_related("run__plan").filter(pk=int(number)).first()
    if step is None or step.phase != Phase.MAIN:
        return ""
    return _left_behind(step) or not_approved(step.run, acts=True, step_id=step.step_id)


def _left_behind(step: StepRun) -> str:
    """The run went on without it: it may have been done another way, or undone, and must not happen by itself now."""
    if step.status == "skipped":
        return "its step was skipped" + (f": {step.reason}" if step.reason else "")
    if step.status == "failed" and step.phase == Phase.MAIN and step.run.turned_back:
        return "its step failed, and the run was rolled back"
    return ""


def _hashes(run: Run) -> set[str]:
    """Every hash that could rightly be approved so far: the plan's, and one for each value as it became known."""
    known: dict[str, Any] = {}
    found = {run.plan_hash}
    for row in run.plan.values.order_by("pk"):
        known[row.reference] = row.value
        found.add(hash_of(canonical_bytes({"plan": run.plan_hash, "values": known})))
    return found


def withdraw_questions(subjects: Iterable[str], *, actor: str, reason: str) -> None:
    for approval in Approval.objects.filter(about__in=list(subjects), status="open"):
        withdraw(approval=approval, actor=actor, reason=reason)
