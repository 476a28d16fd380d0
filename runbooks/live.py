"""What a page that follows a run shows."""

from collections.abc import Callable

from django.db.models import Q, QuerySet
from django.template.loader import render_to_string

from accounts.approvals.models import Approval
from governance.proposals.models import Proposal
from ledger.live.topics import topic
from ledger.models import Event
from runbooks.rehearsals import live as _rehearsals  # noqa: F401  (its topic and its panel register themselves)
from runbooks.runs.models import Run, StepRun
from runbooks.runs.selectors import touched_with
from runbooks.runs.views import run_context


def run_and_step(event: Event) -> tuple[int, int | None] | None:
    """The run an event is about, and the step if it is about one."""
    noun, _, number = event.subject.partition(":")
    if not number.isdigit() or noun not in FINDERS:
        return None
    return FINDERS[noun](int(number))


Found = tuple[int, int | None] | None


def _of_step(pk: int) -> Found:
    run = StepRun.objects.filter(pk=pk).values_list("run_id", flat=True).first()
    return (run, pk) if run else None


def _one(steps: "QuerySet[StepRun]") -> Found:
    step = steps.only("pk", "run_id").first()
    return (step.run_id, step.pk) if step else None


def _of_proposal(pk: int) -> Found:
    plan = Proposal.objects.filter(pk=pk, plan__isnull=False).values_list("plan_id", "step_id").first()
    return _one(StepRun.objects.filter(run__plan_id=plan[0], step_id=plan[1])) if plan else None


def _of_transaction(pk: int) -> Found:
    proposal = Proposal.objects.filter(transaction_id=pk).values_list("pk", flat=True).first()
    if proposal:
        return _of_proposal(proposal)
    return _one(StepRun.objects.filter(Q(waiting_for=f"transaction:{pk}") | Q(output__transaction=pk)))


def _of_approval(pk: int) -> Found:
    about = Approval.objects.filter(pk=pk).values_list("about", flat=True).first() or ""
    noun, _, number = about.partition(":")
    return FINDERS[noun](int(number)) if noun in ("run", "step") and number.isdigit() else None


FINDERS: dict[str, Callable[[int], Found]] = {
    "run": lambda pk: (pk, None),
    "step": _of_step,
    "proposal": _of_proposal,
    "transaction": _of_transaction,
    "approval": _of_approval,
    "message": lambda pk: _one(StepRun.objects.filter(waiting_for=f"message:{pk}")),
}


def _scope_of(pk: int) -> int | None:
    found = Run.objects.filter(pk=pk).values_list("scope_id", flat=True).first()
    if found is None:
        raise LookupError(pk)
    return found


def _matches(event: Event) -> list[int]:
    found = run_and_step(event)
    return [found[0]] if found else []


def _render(event: Event, pk: int, audience: str) -> str:
    found = run_and_step(event)
    run = Run.objects.select_related("version__playbook", "scope", "plan").get(pk=pk)
    context = run_context(run, audience)
    touched = touched_with(context["list"], found[1]) if found and found[1] else set()
    context |= {"touched": touched, "every": not touched}
    return render_to_string("runbooks/run_fragments.html", context)


topic("run", scope_of=_scope_of, matches=_matches, render=_render)
