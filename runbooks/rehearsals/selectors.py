"""Reads about rehearsals: the newest of a run, and whether it still says something about the chain as it is."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Max, QuerySet
from django.utils import timezone

from governance.plans.models import Plan
from governance.proposals.models import Proposal
from integrations.chain.models import Head
from runbooks.rehearsals.models import UNDER_WAY, Rehearsal
from runbooks.runs.models import SETTLED, Run, StepRun
from runbooks.steps import STEPS


def visible_rehearsals(viewer: Any) -> "QuerySet[Rehearsal]":
    return Rehearsal.objects.visible_to(viewer).select_related("run", "plan", "scope")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a plan by rehearsing. `newest`: the last that ended; `under_way`: one that has not.

    `old` says in words why the newest no longer speaks of the chain as it is; "" while it does, or nothing is left.
    """

    plan: Plan
    newest: Rehearsal | None
    under_way: Rehearsal | None
    old: str = ""

    @property
    def shown(self) -> Rehearsal | None:
        """The one whose result counts now."""
        return self.newest or self.under_way

    @property
    def word(self) -> str:
        """A status with a mark of its own."""
        if self.newest is None:
            return self.under_way.status if self.under_way else "none"
        return "stale" if self.newest.status == "passed" and self.old else self.newest.status


def standing(plan: Plan) -> Standing:
    found = Rehearsal.objects.filter(plan=plan).select_related("run", "plan").order_by("-pk")
    newest = found.exclude(status__in=UNDER_WAY).first()
    return Standing(plan, newest, found.filter(status__in=UNDER_WAY).first(), old=why_old(newest) if newest else "")


def others(rehearsal: Rehearsal) -> list[Rehearsal]:
    """Of the same plan, the newest first."""
    found = Rehearsal.objects.filter(plan=rehearsal.plan_id).exclude(pk=rehearsal.pk).defer("report")
    return list(found.order_by("-pk")[:10])


def why_old(rehearsal: Rehearsal, patience: int = 1) -> str:
    """In words, or "" while the chain has not moved past the limits (times `patience`), or all is done."""
    if rehearsal.started_at is None or (rehearsal.run and not steps_to_act(rehearsal.run).exists()):
        return ""
    if acted_since(rehearsal):
        return "the run has acted on the chain since"
    if choice := decided_otherwise(rehearsal):
        return f"it was decided otherwise, for “{choice}”"
    heads = dict(Head.objects.values_list("chain__chain_id").annotate(Max("number")))
    for one in rehearsal.blocks:
        behind = heads.get(one["chain_id"], 0) - one["block"]
        if behind > settings.REHEARSAL_MAX_BLOCKS * patience:
            return f"{one['chain']} is {behind:,} blocks further"
    age = timezone.now() - rehearsal.started_at
    if age > timedelta(seconds=settings.REHEARSAL_MAX_AGE * patience):
        return f"it was taken {int(age.total_seconds()) // 60} minutes ago"
    return ""


def decided_otherwise(rehearsal: Rehearsal) -> str:
    """The option that people took where the rehearsal assumed another one."""
    steps = {step["id"]: step for step in (rehearsal.report or {}).get("steps", ())}
    for done in StepRun.objects.filter(run=rehearsal.run, type="decide", status="done"):
        rehearsed = steps.get(done.step_id, {}).get("output", {}).get("choice")
        if rehearsed is not None and rehearsed != done.output.get("choice"):
            return str(done.output.get("choice"))
    return ""


def acting_types() -> list[str]:
    """Of steps that change something on a chain."""
    return [name for name, kind in STEPS.items() if kind.acts and name not in ("http", "notify")]


def steps_to_act(run: Run) -> "QuerySet[StepRun]":
    """What the run may still do on a chain."""
    return StepRun.objects.filter(run=run, type__in=acting_types()).exclude(status__in=SETTLED)


def acted_since(rehearsal: Rehearsal) -> bool:
    if rehearsal.run is None:
        return False
    acted = StepRun.objects.filter(run=rehearsal.run, status="done", type__in=acting_types())
    return acted.filter(ended_at__gt=rehearsal.started_at).exists()


@dataclass(frozen=True, slots=True)
class OfProposal:
    """What a rehearsal says of one proposal. `surprises`: places that only one of rehearsal and simulation changes."""

    standing: Standing
    step: dict[str, Any] | None
    surprises: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """How this step went; a step that went well in a rehearsal that is old is stale."""
        if self.step is None or self.step["result"] not in ("passed", "failed"):
            return self.standing.word
        return "stale" if self.step["result"] == "passed" and self.standing.old else str(self.step["result"])


def of_proposal(proposal: Proposal) -> OfProposal | None:
    """None for a proposal that no plan made."""
    if proposal.plan is None:
        return None
    now = standing(proposal.plan)
    report = now.newest.report if now.newest else None
    step = next((one for one in (report or {}).get("steps", ()) if one["id"] == proposal.step_id), None)
    return OfProposal(now, step, _surprises(step, proposal))


def _surprises(step: dict[str, Any] | None, proposal: Proposal) -> tuple[str, ...]:
    """Where the prediction that the signers see and the rehearsal do not change the same places."""
    simulation = proposal.simulation or {}
    if step is None or step["result"] != "passed" or not simulation.get("ok"):
        return ()
    rehearsed = _places(one for sent in step["transactions"] for one in sent["meanings"])
    predicted = _places(simulation.get("meanings", ()))
    only = [f"only the rehearsal changes {place}" for place in sorted(rehearsed - predicted)]
    return (*only, *(f"only the simulation changes {place}" for place in sorted(predicted - rehearsed)))


def _places(meanings: Any) -> set[str]:
    return {f"{one['label'] or one['address']} {one['what']}" for one in meanings}
