"""What a page that follows a run shows."""

from django.template.loader import render_to_string

from governance.proposals.models import Proposal
from ledger.live.topics import topic
from ledger.models import Event
from runbooks.runs.models import Run, StepRun
from runbooks.runs.views import run_context


def run_and_step(event: Event) -> tuple[int, int | None] | None:
    """The run an event is about, and the step if it is about one."""
    noun, _, number = event.subject.partition(":")
    if not number.isdigit():
        return None
    if noun == "run":
        return int(number), None
    if noun == "step":
        found = StepRun.objects.filter(pk=int(number)).values_list("run_id", flat=True).first()
        return (found, int(number)) if found else None
    if noun == "proposal":
        plan = Proposal.objects.filter(pk=int(number)).values_list("plan_id", "step_id").first()
        step = StepRun.objects.filter(run__plan_id=plan[0], step_id=plan[1]).first() if plan and plan[0] else None
        return (step.run_id, step.pk) if step else None
    return None


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
    touched = {found[1]} if found and found[1] else set()
    context = {**run_context(run, audience), "touched": touched, "every": not touched}
    return render_to_string("runbooks/run_fragments.html", context)


topic("run", scope_of=_scope_of, matches=_matches, render=_render)
