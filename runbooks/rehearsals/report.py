"""What a rehearsal found: plain JSON in canonical form, so that it can be hashed, compared and read by anybody.

{"version": 1, "plan": "0x…", "result": "passed", "blocks": […], "steps": […], "totals": {…}}
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from governance.plans.canonical import NotCanonical, canonical_bytes, hash_of
from runbooks.rehearsals.stage import Sent

Word = Literal["passed", "failed", "outside", "skipped", "before"]
MOST_SAID = 1_000


@dataclass(frozen=True, slots=True)
class Condition:
    """A `before` or `after` of a step, as it was read on the fork."""

    said: str
    holds: bool

    def as_json(self) -> dict[str, Any]:
        return {"said": self.said[:MOST_SAID], "holds": self.holds}


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step. `beyond`: the run would have stopped before it; it was tried all the same."""

    id: str
    type: str
    title: str
    phase: str
    result: Word
    said: str
    beyond: bool = False
    assumed: str = ""
    output: Mapping[str, str] = field(default_factory=dict)  # what later steps get
    transactions: tuple[Sent, ...] = ()
    before: tuple[Condition, ...] = ()
    after: tuple[Condition, ...] = ()
    milliseconds: int = 0
    seconds: int = 0  # that passed on the chain

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": self.type,
            "title": self.title,
            "phase": self.phase,
            "result": self.result,
            "said": self.said[:MOST_SAID],
            "beyond": self.beyond,
            "assumed": self.assumed[:MOST_SAID],
            "output": {name: value[:MOST_SAID] for name, value in self.output.items()},
            "transactions": [sent.as_json() for sent in self.transactions],
            "before": [one.as_json() for one in self.before],
            "after": [one.as_json() for one in self.after],
            "milliseconds": self.milliseconds,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True)
class Way:
    """The plan with one decision taken otherwise; `steps` are those that went differently then."""

    step: str
    title: str
    choice: str
    result: str
    reason: str
    steps: tuple[dict[str, Any], ...]
    totals: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "steps": list(self.steps), "reason": self.reason[:MOST_SAID]}


@dataclass
class Report:
    """Grows step by step; `as_json` may be taken at any time."""

    plan: str
    blocks: Sequence[dict[str, Any]]
    of: int
    steps: list[StepReport] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    untried: int = 0  # ways for which there was no time
    result: str = "running"
    reason: str = ""
    milliseconds: int = 0

    def as_json(self) -> dict[str, Any]:
        found = {
            "version": 1,
            "plan": self.plan,
            "result": self.result,
            "reason": self.reason[:MOST_SAID],
            "blocks": list(self.blocks),
            "of": self.of,
            "steps": [step.as_json() for step in self.steps],
            "totals": self.totals(),
            "ways": [way.as_json() for way in self.ways],
            "untried": self.untried,
            "milliseconds": self.milliseconds,
        }
        return dict(cleaned(found))

    def totals(self) -> dict[str, Any]:
        """Of what the run would do by itself: not beyond where it stops, and nothing that only a rollback does."""
        in_earnest = [step for step in self.steps if step.phase != "rollback" and not step.beyond]
        sent = [one for step in in_earnest for one in step.transactions]
        return {
            "transactions": len(sent),
            "gas": sum(one.gas_used for one in sent),
            "seconds": sum(step.seconds for step in in_earnest),
            "meanings": net(one for item in sent for one in item.meanings),
        }


def cleaned(value: Any) -> Any:
    """Without characters that have no canonical form: contracts choose the texts of their errors and events."""
    if isinstance(value, str):
        return value if _canonical(value) else "".join(one if _canonical(one) else "\ufffd" for one in value)
    if isinstance(value, list | tuple):
        return [cleaned(item) for item in value]
    return {name: cleaned(item) for name, item in value.items()} if isinstance(value, dict) else value


def _canonical(text: str) -> bool:
    try:
        canonical_bytes(text)
    except NotCanonical:
        return False
    return "\x00" not in text  # which PostgreSQL does not keep


def net(meanings: Iterable[Any]) -> list[dict[str, str]]:
    """What all of it together changes: the first value before, the last one after; what came back is left out."""
    first: dict[tuple[str, str], dict[str, str]] = {}
    for one in meanings:
        key = (one["address"], one["what"])
        first[key] = {**one, "before": first[key]["before"] if key in first else one["before"]}
    return [one for one in first.values() if one["before"] != one["after"]]


def sha256(report: dict[str, Any]) -> str:
    """The hash of its canonical bytes, so that a report can be quoted and checked."""
    return hash_of(canonical_bytes(report))
