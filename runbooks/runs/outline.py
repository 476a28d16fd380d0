"""The rules of a plan's steps in the engine's own types: read once a document, not once a turn."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from governance.plans.models import Plan
from governance.plans.schema import Document, Step
from runbooks.plans.compile import RULES

HANDLED = ("stop", "continue", "rollback")  # what `on_failure` says when it names no step


@dataclass(frozen=True, slots=True)
class Place:
    """The contract that a step's lock is on."""

    chain_id: int
    address: str
    name: str = ""

    @property
    def subject(self) -> str:
        return f"lock:{self.chain_id}:{self.address}"


@dataclass(frozen=True, slots=True)
class Rule:
    """How one step of a plan is run. What a plan compiled by an older release does not say has its default."""

    id: str
    type: str
    title: str
    position: int
    needs: frozenset[str]
    phase: str
    undo: str
    on_failure: str
    guards: tuple[Mapping[str, Any], ...]
    lock: Place | None
    marks: str

    @property
    def jumps(self) -> bool:
        return self.on_failure not in HANDLED


@dataclass(frozen=True, slots=True)
class Outline:
    """All steps in the plan's order, and which of them yields which reference."""

    rules: Mapping[str, Rule]
    references: Mapping[str, tuple[tuple[str, str, str], ...]]  # step → (reference, name of the output, type)

    @property
    def finally_steps(self) -> list[Rule]:
        return [rule for rule in self.rules.values() if rule.phase == "finally"]


def outline_of(plan: Plan) -> Outline:
    """By the text itself: another text, whatever its row says, is another outline."""
    return _read(plan.document)


@lru_cache(maxsize=64)
def _read(document: str) -> Outline:
    plan = Document.model_validate_json(document)
    rules = {step.id: _rule(step, position) for position, step in enumerate(plan.steps, start=1)}
    for rule in list(rules.values()):
        if rule.undo in rules and rule.lock and rules[rule.undo].lock is None:  # undoing acts on the same contract
            rules[rule.undo] = _with_lock(rules[rule.undo], rule.lock)
    return Outline(rules=rules, references=_references(plan))


def _rule(step: Step, position: int) -> Rule:
    said: Mapping[str, Any] = step.params.get(RULES, {})
    lock = said.get("lock")
    return Rule(
        id=step.id,
        type=step.type,
        title=step.title,
        position=position,
        needs=frozenset(step.needs),
        phase=said.get("phase", "main"),
        undo=said.get("undo", ""),
        on_failure=_on_failure(step.type, said.get("on_failure", "stop")),
        guards=tuple(said.get("if", ())),
        lock=Place(lock["chain_id"], lock["address"], lock.get("name", "")) if lock else None,
        marks=said.get("marks") or "",
    )


def _on_failure(kind: str, word: str) -> str:
    """A no is no: whatever a plan of an older release says, a run never goes on past an approval that was refused."""
    return word if kind != "approve" or word in ("stop", "rollback") else "stop"


def _with_lock(rule: Rule, lock: Place) -> Rule:
    return replace(rule, lock=lock)


def _references(plan: Document) -> dict[str, tuple[tuple[str, str, str], ...]]:
    """`step:<plan id>.<output>` by plan id; a plan id may hold dots itself, an output's name does not."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for reference in plan.references:
        kind, _, rest = reference.rule.partition(":")
        step, _, output = rest.rpartition(".")
        if kind == "step" and step:
            found.setdefault(step, []).append((reference.id, output, reference.type))
    return {step: tuple(items) for step, items in found.items()}
