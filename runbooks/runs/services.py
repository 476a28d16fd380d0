"""What people do with runs: start them, answer their steps. Steering them is in `steering.py`."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from governance.plans.schema import Document as PlanDocument
from governance.plans.schema import Step as PlanStep
from governance.plans.services import create_plan
from governance.protocols.models import Protocol
from ledger import Invalid, Refused, StaleTransition, record, transition
from ledger.models import Scope
from ledger.scopes import open_scope
from runbooks.plans.compile import RULES, compile_plan
from runbooks.plans.world import context_for
from runbooks.playbooks.models import Playbook, PlaybookVersion
from runbooks.playbooks.schema import Playbook as PlaybookDocument
from runbooks.playbooks.selectors import document_of, newest_version
from runbooks.runs.approvals import ask_for_run
from runbooks.runs.course import about
from runbooks.runs.engine import KIND, begin_run, hold_run
from runbooks.runs.models import MOVING, Phase, Run, StepRun
from runbooks.runs.roles import must_reach
from runbooks.runs.steering import abort_run, retry_step, roll_back, skip_step
from runbooks.steps import STEPS
from work import wake

__all__ = [
    "abort_run",
    "approved",
    "begin",
    "complete_step",
    "retry_step",
    "roll_back",
    "skip_step",
    "start_run",
]
ENVIRONMENTS = ("live", "drill", "rehearsal")


def start_run(
    *,
    playbook: Playbook | PlaybookVersion,
    inputs: Mapping[str, Any],
    scope: Scope | None,
    actor: str,
    environment: str = "live",
    protocol: Protocol | None = None,
    hold: bool = False,
) -> Run:
    """Compile the plan and begin, or ask for the approval that the playbook demands. `scope`: the incident's.

    With `hold` it stays a draft, to be read and rehearsed until somebody begins it.
    """
    if environment not in ENVIRONMENTS:
        raise Invalid("environment", f"{environment!r} is not known", f"one of {', '.join(ENVIRONMENTS)}")
    version = playbook if isinstance(playbook, PlaybookVersion) else newest_version(playbook)
    _must_be_in_use(version)
    document = document_of(version)
    plan_document = compile_plan(
        playbook=document,
        yaml=version.yaml,
        version=version.number,
        inputs=inputs,
        context=context_for(protocol=protocol, environment=environment, playbook=document),
    )
    with transaction.atomic():
        run = draft_run(
            version=version,
            document=document,
            plan_document=plan_document,
            environment=environment,
            parents=[scope] if scope else [],
            actor=actor,
        )
        if not hold:
            _begin(run, actor)
    return run


@transaction.atomic
def draft_run(
    *,
    version: PlaybookVersion,
    document: PlaybookDocument,
    plan_document: PlanDocument,
    environment: str,
    parents: Sequence[Scope],
    actor: str,
) -> Run:
    """Plan, run and steps, written down together; nothing begins."""
    own = open_scope(kind="run", title=document.title, parents=list(parents), actor=actor)
    plan = create_plan(document=plan_document, scope=own, actor=actor)
    run = Run.objects.create(
        scope=own,
        version=version,
        plan=plan,
        plan_hash=plan.sha256,
        environment=environment,
        title=document.title,
        needs_approval=document.approval is not None and environment != "rehearsal",  # a drill drills people too
        created_by=actor,
    )
    StepRun.objects.bulk_create(_line(run, step, number) for number, step in enumerate(plan_document.steps, start=1))
    about = {"playbook": version.playbook.slug, "version": version.number, "plan": plan.sha256}
    record("run.drafted", actor=actor, scope=own, subject=run.subject, after=about)
    return run


def _line(run: Run, step: PlanStep, position: int) -> StepRun:
    phase = step.params[RULES].get("phase", Phase.MAIN)
    return StepRun(run=run, step_id=step.id, type=step.type, phase=phase, position=position, title=step.title)


@transaction.atomic
def begin(*, run: Run, actor: str) -> Run:
    """Start a run that was held as a draft, or ask for the approval that its playbook demands."""
    held = hold_run(run.pk)
    if held.status != "draft":
        raise StaleTransition(f"{held.subject} is {held.status}; it has begun already")
    _must_be_in_use(held.version)
    _begin(held, actor)
    return held


def _must_be_in_use(version: PlaybookVersion) -> None:
    if Playbook.objects.filter(pk=version.playbook_id, archived=True).exists():
        raise Refused("this playbook is archived", "take it out of the archive first")


def _begin(run: Run, actor: str) -> None:
    """On the word of the actor: what the run lets out without an approval, it lets out on their authority."""
    run.begun_by = actor
    run.save(update_fields=["begun_by"])
    rule = document_of(run.version).approval
    if run.needs_approval and rule:
        transition(run, "awaiting_approval", actor=actor)
        ask_for_run(run, rule, actor=actor)
    else:
        begin_run(run, actor=actor)


def approved(run: Run, *, actor: str) -> None:
    """The approval of a waiting run is satisfied; called in the subscription's transaction."""
    held = hold_run(run.pk)
    if held.status == "awaiting_approval":
        begin_run(held, actor=actor)


@transaction.atomic
def complete_step(*, step: StepRun, actor: str, answer: Mapping[str, Any]) -> StepRun:
    """Somebody did what a step asks of a person; the engine ends the step with what they said."""
    wake(KIND, step.key)  # first, since workers lock the work row before the step
    held = StepRun.objects.select_for_update(of=("self",)).select_related("run__scope", "run__plan").get(pk=step.pk)
    kind = STEPS[held.type]
    planned = held.run.plan.parsed().step(held.step_id)
    if not kind.hears or planned is None:
        raise Refused("This step is not done by hand.", "it ends by itself", "not-manual")
    if not _listens(held):
        raise Refused(f"This step is {held.status}.", "only a step that waits for you can be completed", "not-waiting")
    must_reach(held, actor)
    for name in answer:
        if name not in kind.hears:
            raise Invalid(name, "is not asked for by this step", f"it takes {', '.join(kind.hears)}")
    heard = kind.hear(held, dict(planned.params), answer, actor)
    if held.answer is not None and heard.verb == "step.answered":  # ticks add up; a whole answer is given once
        raise StaleTransition(f"{held.subject} is answered already")
    StepRun.objects.filter(pk=held.pk).update(answer=heard.answer)
    record(heard.verb, actor=actor, scope=held.scope, subject=held.subject, after={**about(held), **heard.told})
    return held


def _listens(step: StepRun) -> bool:
    waits_for_people = step.status == "waiting" and step.waiting_for == step.subject
    return waits_for_people and step.run.status in (*MOVING, "paused", "failed")
