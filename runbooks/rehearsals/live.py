"""Rehearsals as they happen: on their own page, on the run's and on the proposals'."""

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from governance.plans.models import Plan
from governance.proposals.beside import beside
from governance.proposals.models import OPEN, Proposal
from ledger.live.topics import topic
from ledger.models import Event
from ledger.selectors import last_seq
from runbooks.rehearsals.models import Rehearsal
from runbooks.rehearsals.selectors import of_proposal
from runbooks.rehearsals.views import page_context, run_context


def _scope_of(plan: int) -> int:
    found = Plan.objects.filter(pk=plan).values_list("scope_id", flat=True).first()
    if found is None:
        raise LookupError(plan)
    return int(found)


def _number(event: Event) -> int | None:
    noun, _, number = event.subject.partition(":")
    return int(number) if noun == "rehearsal" and number.isdigit() else None


def _matches(event: Event) -> list[int]:
    number = _number(event)
    return list(Rehearsal.objects.filter(pk=number).values_list("plan_id", flat=True)) if number else []


def _render(event: Event, plan: int, audience: str) -> str:
    """Each of the three places, if the page has it: others ignore what they have no place for."""
    rehearsal = Rehearsal.objects.select_related("run", "plan", "scope").get(pk=_number(event) or 0)
    parts = [render_to_string("runbooks/rehearsal/body.html", {**page_context(rehearsal), "oob": True})]
    if rehearsal.run:
        context = {**run_context(rehearsal.run, audience), "oob": True}
        parts.append(render_to_string("runbooks/rehearsal/panel.html", context))
    for proposal in Proposal.objects.filter(plan=plan, status__in=OPEN).select_related("plan", "safe"):
        parts.append(_of_proposal(proposal, oob=True))
    return "".join(parts)


topic("rehearsals", scope_of=_scope_of, matches=_matches, render=_render)


@beside
def panel(proposal: Proposal) -> SafeString:
    return _of_proposal(proposal, oob=False)


def _of_proposal(proposal: Proposal, *, oob: bool) -> SafeString:
    seq = 0 if oob else last_seq()  # before the rest is read: what comes meanwhile is replayed
    found = of_proposal(proposal)
    if found is None:
        return SafeString("")
    context = {"proposal": proposal, "found": found, "standing": found.standing, "oob": oob, "seq": seq}
    return SafeString(render_to_string("runbooks/rehearsal/of_proposal.html", context))
