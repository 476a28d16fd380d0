"""What people do with runs: start, answer a step, retry, skip, abort."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.approvals.models import Approval
from accounts.approvals.services import withdraw
from governance.plans.services import create_plan
from governance.protocols.models import Protocol
from ledger import Invalid, Refused, record, transition
from ledger.models import Scope
from ledger.scopes import open_scope
from runbooks.plans.compile import compile_plan
from runbooks.plans.world import context_for
from runbooks.playbooks.models import Playbook, PlaybookVersion
from runbooks.playbooks.selectors import document_of, newest_version
from runbooks.runs.approvals import ask_for_run
from runbooks.runs.engine import KIND, advance, begin_run
from runbooks.runs.models import OPEN_STEP, Run, StepRun
from runbooks.steps import STEPS
from work import cancel, wake

ENVIRONMENTS = ("live", "drill", "rehearsal")


def start_run(
    *,
    playbook: Playbook | PlaybookVersion,
    inputs: Mapping[str, Any],
    scope: Scope | None,
    actor: str,
    environment: str = "live",
    protocol: Protocol | None = None,
) -> Run:
    """Compile the plan and begin, or ask for the approval that the playbook demands. `scope`: the incident's."""
    if environment not in ENVIRONMENTS:
        raise Invalid("environment", f"{environment!r} is not known", f"one of {', '.join(ENVIRONMENTS)}")
    version = playbook if isinstance(playbook, PlaybookVersion) else newest_version(playbook)
    document = document_of(version)
    plan_document = compile_plan(
        playbook=document,
        yaml=version.yaml,
        version=version.number,
        inputs=inputs,
        context=context_for(protocol=protocol, environment=environment),
    )
    with transaction.atomic():
        own = open_scope(kind="run", title=document.title, parents=[scope] if scope else [], actor=actor)
        plan = create_plan(document=plan_document, scope=own, actor=actor)
        run = Run.objects.create(
            scope=own,
            version=version,
            plan=plan,
            plan_hash=plan.sha256,
            environment=environment,
            title=document.title,
            needs_approval=document.approval is not None and environment == "live",
            created_by=actor,
        )
        StepRun.objects.bulk_create(
            StepRun(run=run, step_id=step.id, type=step.type, position=number, title=step.title)
            for number, step in enumerate(plan_document.steps, start=1)
        )
        about = {"playbook": version.playbook.slug, "version": version.number, "plan": plan.sha256}
        record("run.drafted", actor=actor, scope=own, subject=run.subject, after=about)
        if run.needs_approval and document.approval:
            transition(run, "awaiting_approval", actor=actor)
            ask_for_run(run, document.approval, actor=actor)
        else:
            begin_run(run, actor=actor)
    return run


def approved(run: Run, *, actor: str) -> None:
    """The approval of a waiting run is satisfied; called in the subscription's transaction."""
    held = _hold(run)
    if held.status == "awaiting_approval":
        begin_run(held, actor=actor)


def _hold(run: Run) -> Run:
    return Run.objects.select_for_update(of=("self",)).select_related("scope", "plan").get(pk=run.pk)


def _hold_step(step: StepRun) -> StepRun:
    return StepRun.objects.select_for_update(of=("self",)).select_related("run__scope", "run__plan").get(pk=step.pk)


@transaction.atomic
def complete_step(*, step: StepRun, actor: str, evidence: str = "") -> StepRun:
    """Somebody did what a manual step asks; the engine ends the step with what they saw."""
    wake(KIND, step.key)  # first, since workers lock the work row before the step
    held = _hold_step(step)
    if not STEPS[held.type].person or held.type == "approve":
        raise Refused("This step is not done by hand.", "it ends by itself", "not-manual")
    if held.status != "waiting" or held.run.status not in ("running", "paused"):
        raise Refused(f"This step is {held.status}.", "only a step that waits for you can be completed", "not-waiting")
    wanted = str(held.run.plan.parsed().step(held.step_id).params.get("evidence", "none"))  # type: ignore[union-attr]
    answer = _read_evidence(wanted, evidence)
    StepRun.objects.filter(pk=held.pk).update(answer={"actor": actor, "evidence": answer})
    after = {**_about(held, held.attempt), "evidence": answer}
    record("step.answered", actor=actor, scope=held.scope, subject=held.subject, after=after)
    return held


def _about(step: StepRun, attempt: int) -> dict[str, Any]:
    return {"run": step.run.subject, "step": step.step_id, "title": step.title, "attempt": attempt}


def _read_evidence(wanted: str, given: str) -> str:
    text = given.strip()
    if wanted != "none" and not text:
        raise Invalid("evidence", "is empty", "write what you saw, so that the others need not ask")
    if wanted == "link" and not text.startswith(("https://", "http://")):
        raise Invalid("evidence", "is not a link", "an address that begins with https://")
    if len(text) > 4_000:
        raise Invalid("evidence", "is too long", "at most 4,000 characters")
    return text


@transaction.atomic
def retry_step(*, step: StepRun, actor: str, reason: str = "") -> StepRun:
    """Begin a new attempt of a failed or unknown step; the run goes on."""
    run = _hold(step.run)
    held = _hold_step(step)
    if held.status not in ("failed", "unknown") or run.status not in ("failed", "paused", "running"):
        hint = "only a failed step can be retried"
        raise Refused(f"This step is {held.status}, its run {run.status}.", hint, "not-failed")
    also = {
        "attempt": held.attempt + 1,
        "tries": 0,
        "reason": "",
        "proof": "",
        "waiting_for": "",
        "answer": None,
        "output": {},
        "started_at": None,
        "ended_at": None,
    }
    transition(held, "pending", actor=actor, reason=reason, also=also, after=_about(held, held.attempt + 1))
    _resume(run, actor, f"step {held.step_id} is tried again")
    return held


@transaction.atomic
def skip_step(*, step: StepRun, actor: str, reason: str) -> StepRun:
    """Go on without a step. The reason stands in the record, and the step shows it."""
    if not reason.strip():
        raise Invalid("reason", "is empty", "say why it is safe to go on without this step")
    cancel(KIND, step.key)
    run = _hold(step.run)
    held = _hold_step(step)
    if held.status in ("done", "skipped") or run.status in ("done", "aborted", "draft", "awaiting_approval"):
        raise Refused(f"This step is {held.status}, its run {run.status}.", "it cannot be skipped", "not-open")
    cancel(KIND, held.key)
    also = {"reason": reason.strip(), "ended_at": timezone.now()}
    transition(held, "skipped", actor=actor, reason=reason.strip(), also=also, after=_about(held, held.attempt))
    _resume(run, actor, f"step {held.step_id} is skipped")
    return held


def _resume(run: Run, actor: str, reason: str) -> None:
    """Back to running, unless another step still stands in the way."""
    stuck = run.steps.filter(status="unknown").exists()
    plan = run.plan.parsed()
    stops = {item.id for item in plan.steps if item.params["rules"]["on_failure"] != "continue"}
    failed = run.steps.filter(status="failed", step_id__in=stops).exists()
    if run.status in ("failed", "paused") and not stuck and not failed:
        transition(run, "running", actor=actor, reason=reason, also={"ended_at": None})
    advance(run, actor=actor)


@transaction.atomic
def abort_run(*, run: Run, actor: str, reason: str) -> Run:
    """Stop for good. What was proposed already stays signable: its page can reject it."""
    if not reason.strip():
        raise Invalid("reason", "is empty", "say why the run is stopped")
    for step in run.steps.filter(status__in=("pending", *OPEN_STEP)):
        cancel(KIND, step.key)
    held = _hold(run)
    transition(held, "aborted", actor=actor, reason=reason.strip(), also={"ended_at": timezone.now()})
    for step in held.steps.select_for_update(of=("self",)).filter(status__in=("pending", *OPEN_STEP)):
        step.run = held
        also = {"reason": "the run was aborted", "ended_at": timezone.now()}
        transition(step, "skipped", actor=actor, reason="the run was aborted", also=also)
    _withdraw_questions(held, actor)
    return held


def _withdraw_questions(run: Run, actor: str) -> None:
    subjects = [run.subject, *(step.subject for step in run.steps.all())]
    for approval in Approval.objects.filter(about__in=subjects, status="open"):
        withdraw(approval=approval, actor=actor, reason="the run was aborted")
