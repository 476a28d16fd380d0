"""Where the steps of a plan stand among each other: what is inside what, told in a few calm words.

A plan is a flat list in which a container (`parallel`, `if`, `switch`, `playbook`) comes after the steps inside it, to
join them. For people its words stand before the first of them, and the join itself is not a line at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from governance.plans.schema import Step
from runbooks.plans.compile import RULES
from runbooks.steps import STEPS


@dataclass(slots=True)
class Place:
    """Of one step: how deep it stands, the words that begin there, and the condition that is its own."""

    depth: int = 0
    captions: list[tuple[str, str]] = field(default_factory=list)  # an icon and its words
    condition: str = ""


def rules_of(step: Step) -> Mapping[str, Any]:
    found: Mapping[str, Any] = step.params.get(RULES, {})
    return found


def is_control(step: Step) -> bool:
    return STEPS[step.type].control


def places_of(steps: Sequence[Step]) -> dict[str, Place]:
    """By plan id."""
    places = {step.id: Place() for step in steps}
    told: dict[str, set[str]] = {step.id: set() for step in steps}  # guards that some caption has said already
    for join, inside in reversed(_containers(steps)):  # outer containers come later in the list, and speak first
        before = ""
        for step in steps:
            if step.id not in inside:
                continue
            places[step.id].depth += 1
            told[step.id] |= {guard["that"] for guard in rules_of(step).get("if", ()) if _of(join, guard["that"])}
            words = inside[step.id]
            if words != before and not is_control(step) and rules_of(step).get("phase") != "rollback":
                places[step.id].captions.append((STEPS[join.type].icon, words))
                before = words
    for step in steps:
        own = [guard["that"] for guard in rules_of(step).get("if", ()) if guard["that"] not in told[step.id]]
        places[step.id].condition = " and ".join(own)
    return places


def _containers(steps: Sequence[Step]) -> list[tuple[Step, dict[str, str]]]:
    """Each container with what is inside it: plan id and the words that it stands under. Inner ones come first."""
    found: list[tuple[Step, dict[str, str]]] = []
    known: dict[str, dict[str, str]] = {}
    for index, join in enumerate(steps):
        if is_control(join):
            inside = {step.id: words for step in steps[:index] if (words := _belongs(join, step, known)) is not None}
            known[join.id] = inside
            found.append((join, inside))
    return found


def _belongs(join: Step, step: Step, known: Mapping[str, Mapping[str, str]]) -> str | None:
    """The words under which a step stands in a container, or None if it does not."""
    if join.type == "playbook":
        return join.title if step.id.startswith(f"{join.id}.") and step.id != f"{join.id}.rollback" else None
    if join.type == "parallel":
        prefix = join.id.rpartition(".")[0]
        named = [f"{prefix}.{name}" if prefix else name for name in join.params.get("steps", ())]
        inside = any(step.id == one or step.id.startswith(f"{one}.") or step.id in known.get(one, {}) for one in named)
        return "At the same time" if inside else None
    guards = [guard["that"] for guard in rules_of(step).get("if", ()) if _of(join, guard["that"])]
    return _branch(join, guards) if guards else None


def _of(join: Step, that: str) -> bool:
    """Whether a guard is one that this `if` or `switch` gave to its branches."""
    if join.type == "if":
        return that in (join.params["that"], f"not ({join.params['that']})")
    if join.type == "switch":
        return that.startswith((f"({join.params['on']}) == ", f"({join.params['on']}) != "))
    return False


def _branch(join: Step, guards: list[str]) -> str:
    if join.type == "if":
        return "Otherwise" if guards[0].startswith("not (") else f"If {join.params['that']}"
    if any(" != " in guard for guard in guards):
        return "In any other case"
    case = guards[0].removeprefix(f"({join.params['on']}) == ")
    return f"If {join.params['on']} is {case}"


def longest_way(steps: Sequence[Step], over: Mapping[str, bool]) -> int:
    """Expected seconds from the first step to the last, those that run together counted once. `over`: not needed."""
    ends: dict[str, int] = {}
    for step in steps:
        if rules_of(step).get("phase", "main") == "main":
            own = 0 if over.get(step.id) or is_control(step) else int(rules_of(step).get("expect", 0))
            ends[step.id] = max((ends.get(need, 0) for need in step.needs), default=0) + own
    return max(ends.values(), default=0)


def runs_of(flags: Sequence[bool]) -> Iterator[range]:
    """Unbroken stretches of true."""
    start = None
    for index, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = index
        elif not flag and start is not None:
            yield range(start, index)
            start = None
