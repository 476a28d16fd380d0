"""One line of a run's checklist, with everything its template needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.utils import timezone

from accounts.approvals.models import Approval
from accounts.approvals.selectors import counting
from accounts.selectors import actor_name, actor_names, user_for_wallet
from governance.plans.schema import Step
from governance.proposals.models import Proposal
from integrations.chain.transactions.models import Transaction
from integrations.chain.transactions.services import choices_for
from ledger.models import Event
from runbooks.evidence.models import Evidence
from runbooks.runs.grouping import Place, rules_of
from runbooks.runs.models import OPEN_STEP, Phase, Run, StepRun
from runbooks.steps import STEPS
from runbooks.steps.checklist import ticks

LOG = 40  # the newest lines that open in place; all of them are in the ledger
QUIET = ("step.running", "step.evidenced")


@dataclass(frozen=True, slots=True)
class Signer:
    """An owner of the Safe that a step waits for."""

    address: str
    name: str
    signed: bool


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a step's log."""

    at: datetime
    words: str
    who: str
    text: str


@dataclass(eq=False)
class StepLine:
    """A step as people see it. `state` is the shape of its line: done, undone, now, later, failed, unknown, skipped,
    or unneeded; a line that says nothing of its own (a join, a second step of a branch not taken) is hidden."""

    step: StepRun
    planned: Step
    state: str
    place: Place
    number: int = 0
    proposal: Proposal | None = None
    undo: "StepLine | None" = None
    undoes: "StepLine | None" = None
    folds: tuple[str, ...] = ()  # the titles that this one line stands for
    hidden: bool = False
    draft: bool = False
    files: tuple[Evidence, ...] = field(default=())

    @cached_property
    def rules(self) -> Mapping[str, Any]:
        return rules_of(self.planned)

    @property
    def params(self) -> Mapping[str, Any]:
        return self.planned.params

    @property
    def kind(self) -> str:
        return STEPS[self.step.type].label

    @property
    def icon(self) -> str:
        return STEPS[self.step.type].icon

    @property
    def acts(self) -> bool:
        return STEPS[self.step.type].acts

    @cached_property
    def words(self) -> str:
        return STEPS[self.step.type].describe(dict(self.params))

    @property
    def text(self) -> str:
        return str(self.rules.get("text", ""))

    @property
    def role(self) -> str:
        return str(self.rules.get("role", "commander"))

    @property
    def expect(self) -> int:
        return int(self.rules.get("expect", 0))

    @property
    def timeout(self) -> int:
        return int(self.rules.get("timeout", 0))

    # how it goes

    @property
    def is_open(self) -> bool:
        """Whether it stands open, with what can be done about it."""
        return self.state in ("now", "unknown") or (self.state == "failed" and self.steerable)

    @property
    def is_folded(self) -> bool:
        """Over, with its proof as the one line that stays."""
        return self.state in ("done", "undone", "skipped", "failed") and not self.is_open

    @property
    def shape(self) -> str:
        """A failure that is no longer anybody's to settle does not cry for attention."""
        return "skipped" if self.state == "failed" and not self.is_open else self.state

    @property
    def steerable(self) -> bool:
        """Whether it is this step's turn to be tried again or skipped; the verbs themselves decide in the end."""
        run, step = self.step.run, self.step
        if step.phase == run.phase or step.status in (*OPEN_STEP, "unknown"):
            return not run.is_over
        stopped_in = Phase.ROLLBACK if run.turned_back else Phase.MAIN
        return run.status == "failed" and run.ending == "failed" and step.phase == stopped_in

    @property
    def skippable(self) -> bool:
        """What others must agree to is no one person's to leave out."""
        return self.steerable and not (self.step.type == "approve" and self.step.phase == Phase.MAIN)

    @property
    def told(self) -> str:
        """The line under its title: its proof, or why it stands where it stands."""
        step = self.step
        if self.state == "undone" and self.undo:
            return f"undone: {self.undo.step.proof}"
        if self.state == "done":
            who = str((step.answer or {}).get("actor", ""))
            return f"{step.proof} · {actor_name(who)}" if who else step.proof
        if self.locked_by or self.approval or self.asks in ("manual", "decide") or self.state == "unknown":
            return ""  # what stands below says more
        return step.reason

    @property
    def ticked_by(self) -> bool:
        return self.step.type == "checklist" and self.step.answer is not None

    @property
    def has_begun(self) -> bool:
        return self.step.started_at is not None

    @property
    def late(self) -> bool:
        begun, ended = self.step.started_at, self.step.ended_at
        return begun is not None and ended is None and timezone.now() - begun > timedelta(seconds=self.expect)

    @property
    def took(self) -> timedelta | None:
        begun, ended = self.step.started_at, self.step.ended_at
        return ended - begun if begun and ended else None

    @property
    def since(self) -> datetime | None:
        """Since when it is somebody's turn."""
        if self.state in ("failed", "unknown"):
            return self.step.ended_at
        return self.step.waits_since or self.step.started_at

    @property
    def locked_by(self) -> str:
        """The run that acts on the same contract."""
        waits = self.step.status == "waiting" and self.step.waiting_for.startswith("lock:")
        return self.step.reason.rpartition(" ")[2] if waits else ""

    @property
    def asks(self) -> str:
        """Which form people answer here; empty while nothing is asked of them."""
        waits = self.step.status == "waiting" and self.step.waiting_for == self.step.subject
        return self.step.type if waits and STEPS[self.step.type].hears else ""

    @property
    def whose(self) -> str:
        """Who is responsible, in a few words."""
        if self.state in ("failed", "unknown"):
            return "commander"
        if self.locked_by:
            return f"run {self.locked_by}"
        left = [signer.name or "an owner" for signer in self.signers if not signer.signed]
        if left and self.proposal and self.proposal.status == "signing":
            return ", ".join(left)
        if self.approval:
            return f"{self.approval.required} of {self.approval.role}"
        return self.role

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(str(choice) for choice in self.step.output.get("choices", ()))

    # what hangs on it

    @cached_property
    def items(self) -> list[dict[str, Any]]:
        """A checklist's items, each with who ticked it."""
        ticked = ticks(self.step.answer)
        names = actor_names(tick["actor"] for tick in ticked.values())
        return [
            {**item, "number": number, "by": names.get(ticked[number]["actor"], "") if number in ticked else ""}
            for number, item in enumerate(self.params.get("items", []), start=1)
        ]

    @cached_property
    def signers(self) -> tuple[Signer, ...]:
        if self.proposal is None or self.step.status not in ("running", "waiting"):
            return ()
        signed = {confirmation.owner for confirmation in self.proposal.confirmations.all()}
        people = {owner: user_for_wallet(owner) for owner in self.proposal.safe.owners}
        return tuple(
            Signer(owner, person.display_name if person else "", owner in signed)
            for owner, person in sorted(people.items(), key=lambda pair: pair[0] not in signed)
        )

    @property
    def signed(self) -> int:
        return sum(signer.signed for signer in self.signers)

    @cached_property
    def approval(self) -> Approval | None:
        """The question that is asked of people just now."""
        if self.step.type != "approve" or self.step.status != "waiting":
            return None
        number = self.step.waiting_for.removeprefix("approval:")
        return Approval.objects.filter(pk=int(number)).first() if number.isdigit() else None

    @cached_property
    def yes(self) -> list[str]:
        return [decision.user.display_name for decision in counting(self.approval)] if self.approval else []

    @property
    def gaps(self) -> range:
        """The yeses that are still missing."""
        return range(self.approval.required - len(self.yes)) if self.approval else range(0)

    @property
    def message(self) -> int | None:
        """The message whose words wait for approval."""
        waits = self.step.type == "notify" and self.step.status == "waiting"
        return self.step.output.get("message") if waits else None

    @cached_property
    def transaction(self) -> Transaction | None:
        """What was sent to a chain for it, by whatever road."""
        own = self.step.output.get("transaction") if self.step.type in ("send", "timelock") else None
        number = self.proposal.transaction_id if self.proposal else own
        return Transaction.objects.select_related("executor", "chain").filter(pk=number).first() if number else None

    @cached_property
    def transaction_choices(self) -> list[str]:
        return list(choices_for(self.transaction).values()) if self.transaction else []

    @cached_property
    def log(self) -> list[Said]:
        """What it said and what became of it, the newest last."""
        events = Event.objects.filter(subject=self.step.subject).exclude(verb__in=QUIET).order_by("-pk")[:LOG]
        names = actor_names(event.actor for event in events)
        return [_said(event, names) for event in reversed(events)]


def _said(event: Event, names: Mapping[str, str]) -> Said:
    after = event.after or {}
    text = after.get("line") or after.get("what") or after.get("proof") or event.reason
    words = event.verb.partition(".")[2].replace("_", " ")
    if event.verb == "step.tried":
        words = f"try {after.get('try')} of {after.get('of')}"
    who = names.get(event.actor, event.actor) if event.actor.startswith("user:") else ""
    return Said(at=event.at, words="" if event.verb == "step.logged" else words, who=who, text=str(text or ""))


def state_of(step: StepRun, undo: StepRun | None) -> str:
    if undo is not None and undo.status == "done":
        return "undone"
    if step.status in ("running", "waiting"):
        return "now"
    if step.status == "pending":
        return "later"
    if step.status == "skipped" and step.reason.startswith("not needed"):
        return "unneeded"
    return str(step.status)


def newest_proposals(run: Run) -> dict[str, Proposal]:
    """Of each step."""
    found = Proposal.objects.filter(plan=run.plan).select_related("safe", "transaction")
    return {one.step_id: one for one in found.prefetch_related("confirmations").order_by("pk")}
