"""Where runs and steps ask people: approvals by the plan's hash."""

from django.urls import reverse

from accounts.approvals.models import Approval
from accounts.approvals.services import request_approval
from runbooks.playbooks.schema import RunApproval
from runbooks.runs.models import Run
from runbooks.steps import Turn


def run_link(run: Run) -> str:
    return reverse("runbooks:run", args=[run.pk])


def ask_for_run(run: Run, rule: RunApproval, *, actor: str) -> Approval:
    return request_approval(
        subject=run.subject,
        subject_hash=run.plan_hash,
        scope=run.scope,
        required=rule.required,
        role=rule.role,
        requester=run.created_by,
        needs=rule.needs,
        title=f"Run {run.title}",
        link=run_link(run),
        actor=actor,
    )


def step_approval(turn: Turn) -> Approval:
    """The approval of this attempt: asked for once, then followed."""
    step, params = turn.step, turn.params
    asked = step.waiting_for.removeprefix("approval:")
    if asked.isdigit():
        return Approval.objects.get(pk=int(asked))
    with turn.lease.commit():
        return request_approval(
            subject=step.subject,
            subject_hash=step.run.plan_hash,
            scope=step.run.scope,
            required=params["required"],
            role=params["role"],
            requester=step.run.created_by,
            needs=params["needs"],
            title=params["question"],
            link=run_link(step.run),
            actor=step.actor,
        )
