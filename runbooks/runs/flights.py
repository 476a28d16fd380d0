"""What of a step is still on its way to a chain, or arrived there after all, though the step itself has ended.

A step that waits too long for its transaction fails; the transaction does not: it may be mined at any time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from governance.proposals.models import Proposal
from integrations.chain.transactions.models import Transaction
from runbooks.runs.models import Phase, Run, Stage

LIVING = {
    "transaction": (*Transaction.IN_FLIGHT, Transaction.Status.UNKNOWN),
    "proposal": (Proposal.State.EXECUTING, Proposal.State.UNKNOWN),
}
HAPPENED = {
    "transaction": (Transaction.Status.MINED, Transaction.Status.FINAL),
    "proposal": (Proposal.State.EXECUTED,),
}


class Stepping(Protocol):
    """Of a step, as a row or as the course looks at it, what counts here."""

    pk: int
    step_id: str
    phase: str
    status: str
    stage: str


@dataclass(frozen=True, slots=True)
class Flight:
    noun: str
    number: int
    status: str

    @property
    def lives(self) -> bool:
        return self.status in LIVING[self.noun]

    @property
    def words(self) -> str:
        return f"{self.noun} {self.number} is {self.status}"


def flights_of(run: Run, steps: Iterable[Stepping]) -> dict[str, Flight]:
    """By step id; one that may still take effect before one that has."""
    by_subject = {f"step:{step.pk}": step.step_id for step in steps}
    found: list[tuple[str, Flight]] = []
    sent = Transaction.objects.filter(
        about__in=by_subject, status__in=(*LIVING["transaction"], *HAPPENED["transaction"])
    )
    for pk, about, key, status in sent.values_list("pk", "about", "key", "status"):
        if key.startswith(f"{about}:"):
            found.append((by_subject[about], Flight("transaction", pk, status)))
    proposed = Proposal.objects.filter(plan=run.plan_id, step_id__in=by_subject.values())
    proposed = proposed.filter(status__in=(*LIVING["proposal"], *HAPPENED["proposal"]))
    for pk, step_id, status in proposed.values_list("pk", "step_id", "status"):
        found.append((step_id, Flight("proposal", pk, status)))
    return dict(sorted(found, key=lambda one: (one[1].lives, one[1].number)))


def unsettled(run: Run, steps: Iterable[Stepping]) -> dict[str, Flight]:
    """Steps that say that they are not done while something of them may still take effect, or has.

    A person who skips a step says that what it did stays; one that failed only afterwards did what it should.
    """
    asked = {step.step_id: step for step in steps if step.status not in ("done", "unknown")}
    flights = flights_of(run, asked.values())
    return {name: flight for name, flight in flights.items() if flight.lives or _unsaid(asked[name])}


def _unsaid(step: Stepping) -> bool:
    return step.phase == Phase.MAIN and step.status in ("pending", "failed") and step.stage != Stage.AFTER
