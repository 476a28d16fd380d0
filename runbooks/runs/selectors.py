"""Reads about runs: what a page, the API and a socket show of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from accounts.selectors import user_for_wallet
from governance.proposals.models import Proposal
from ledger.models import Scope, ScopeClosure
from runbooks.plans.compile import RULES
from runbooks.playbooks.selectors import document_of
from runbooks.runs.models import Run, StepRun
from runbooks.steps import STEPS

MAY_RUN = ("responder", "commander", "admin")
MAY_STEER = ("commander", "admin")


@dataclass(frozen=True, slots=True)
class Signer:
    """An owner of the Safe that a step waits for."""

    address: str
    name: str
    signed: bool


@dataclass(frozen=True, slots=True)
class StepLine:
    """One line of the checklist, with everything its template needs."""

    step: StepRun
    state: str  # done, now, later, failed, unknown, skipped: the shape of the line
    kind: str
    icon: str
    words: str
    text: str
    role: str
    expect: int
    timeout: int
    late: bool
    params: Mapping[str, Any]
    proposal: Proposal | None
    signers: tuple[Signer, ...]

    @property
    def signed(self) -> int:
        return sum(signer.signed for signer in self.signers)

    @property
    def waits_for_hand(self) -> bool:
        return self.step.type == "manual" and self.step.status == "waiting"

    @property
    def message(self) -> int | None:
        """The message whose words wait for approval."""
        waits = self.step.type == "notify" and self.step.status == "waiting"
        return self.step.output.get("message") if waits else None

    @property
    def took(self) -> timedelta | None:
        if self.step.started_at and self.step.ended_at:
            return self.step.ended_at - self.step.started_at
        return None


@dataclass(frozen=True, slots=True)
class Checklist:
    """A run as its page shows it."""

    run: Run
    lines: tuple[StepLine, ...]
    expected: int
    target: int
    since: datetime | None

    @property
    def settled(self) -> int:
        return sum(line.step.status in ("done", "skipped") for line in self.lines)

    @property
    def now(self) -> StepLine | None:
        """The line that matters: what failed or is not known, else what is under way."""
        for states in (("unknown", "failed"), ("now",), ("later",)):
            for line in self.lines:
                if line.state in states:
                    return line
        return None

    @property
    def elapsed(self) -> int:
        if self.run.started_at is None:
            return 0
        return int(((self.run.ended_at or timezone.now()) - self.run.started_at).total_seconds())

    @property
    def is_late(self) -> bool:
        return bool(self.target) and self.elapsed > self.target

    @property
    def shown_of_target(self) -> int:
        """Elapsed as a share of the target (or of what was expected), 0 to 100."""
        whole = self.target or self.expected or 1
        return min(100, self.elapsed * 100 // whole)


def visible_runs(viewer: Any) -> "QuerySet[Run]":
    return Run.objects.visible_to(viewer).select_related("version__playbook", "scope", "plan")


def runs_below(scope: Scope, viewer: Any) -> "QuerySet[Run]":
    """Runs that hang below a scope, such as an incident's."""
    below = ScopeClosure.objects.filter(ancestor=scope).values("descendant_id")
    return visible_runs(viewer).filter(scope__in=below).order_by("-pk")


def checklist(run: Run) -> Checklist:
    plan = {item.id: item for item in run.plan.parsed().steps}
    steps = list(run.steps.order_by("position"))
    proposals = _proposals(run)
    lines = tuple(_line(run, step, plan[step.step_id].params, proposals.get(step.step_id)) for step in steps)
    targets = document_of(run.version).targets
    return Checklist(
        run=run,
        lines=lines,
        expected=sum(line.expect for line in lines),
        target=targets.safe or 0,
        since=run.started_at,
    )


def _proposals(run: Run) -> dict[str, Proposal]:
    """The newest proposal of each step."""
    found = (
        Proposal.objects.filter(plan=run.plan).select_related("safe").prefetch_related("confirmations").order_by("pk")
    )
    return {proposal.step_id: proposal for proposal in found}


def _line(run: Run, step: StepRun, params: Mapping[str, Any], proposal: Proposal | None) -> StepLine:
    rules = params[RULES]
    kind = STEPS[step.type]
    step.run = run
    late = (
        step.started_at is not None
        and step.ended_at is None
        and timezone.now() - step.started_at > timedelta(seconds=rules["expect"])
    )
    return StepLine(
        step=step,
        state=_state(run, step),
        kind=kind.label,
        icon=kind.icon,
        words=kind.describe(dict(params)),
        text=rules["text"],
        role=rules["role"],
        expect=rules["expect"],
        timeout=rules["timeout"],
        late=late,
        params=params,
        proposal=proposal,
        signers=_signers(proposal) if proposal and step.status in ("running", "waiting") else (),
    )


def _state(run: Run, step: StepRun) -> str:
    if step.status in ("running", "waiting"):
        return "now"
    if step.status == "pending":
        return "later"
    return str(step.status)


def _signers(proposal: Proposal) -> tuple[Signer, ...]:
    signed = {confirmation.owner for confirmation in proposal.confirmations.all()}
    people = {owner: user_for_wallet(owner) for owner in proposal.safe.owners}
    return tuple(
        Signer(owner, person.display_name if person else "", owner in signed)
        for owner, person in sorted(people.items(), key=lambda pair: pair[0] not in signed)
    )
