"""The shape of a playbook as it is written: steps, what they wait for, branches inside them, what undoes them.

Drawing, comparing and exporting read this; the engine does not: it executes the flat plan that a playbook compiles to.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runbooks.playbooks.schema import Playbook, Step, Undo

CONTAINERS = ("parallel", "if", "switch")


@dataclass(frozen=True, slots=True)
class Branch:
    """Steps inside a step. `label` says when they are taken; those of `parallel` have none."""

    label: str
    nodes: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Node:
    """One step. `needs` names only steps beside it; a first step of a branch waits for what is around it."""

    step: Step
    needs: tuple[str, ...] = ()
    branches: tuple[Branch, ...] = ()
    undo: "Node | None" = None
    place: str = "main"

    @property
    def id(self) -> str:
        return self.step.id

    @property
    def type(self) -> str:
        return self.step.type

    @property
    def title(self) -> str:
        return self.step.title or self.step.id

    @property
    def guard(self) -> str:
        """When it is not needed: the text of `if:`, where that is a guard."""
        return self.step.if_ or ""


@dataclass(frozen=True, slots=True)
class Flow:
    main: tuple[Node, ...]
    last: tuple[Node, ...] = field(default=())

    def walk(self) -> Iterator[Node]:
        """Every step, in the order of the file; a step before what is inside it and what undoes it."""
        for node in (*self.main, *self.last):
            yield from _walk(node)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for branch in node.branches:
        for inner in branch.nodes:
            yield from _walk(inner)
    if node.undo:
        yield node.undo


def flow_of(document: Playbook) -> Flow:
    return Flow(_nodes(document.steps, "main"), _nodes(document.finally_, "finally"))


def _nodes(steps: Sequence[Any], place: str, together: bool = False) -> tuple[Node, ...]:
    """`together`: without `needs`, all start at once; elsewhere each waits for the one before it."""
    nodes: list[Node] = []
    for raw in steps:
        step = raw if isinstance(raw, Step) else Step.model_validate(raw)
        prior = () if together or not nodes else (nodes[-1].id,)
        beside = {node.id for node in nodes}
        needs = prior if step.needs is None else tuple(need for need in step.needs if need in beside)
        nodes.append(Node(step, needs, _branches(step, place), _undo(step), place))
    return tuple(nodes)


def _branches(step: Step, place: str) -> tuple[Branch, ...]:
    config: Mapping[str, Any] = step.config
    if step.type == "parallel":
        return (Branch("", _nodes(config.get("steps") or (), place, together=True)),)
    if step.type == "if":
        sides = ((name, config.get(name)) for name in ("then", "else"))
        return tuple(Branch(name, _nodes(steps or (), place)) for name, steps in sides if steps or name == "then")
    if step.type == "switch":
        cases = [Branch(str(case), _nodes(steps or (), place)) for case, steps in (config.get("cases") or {}).items()]
        default = config.get("default")
        return (*cases, *((Branch("default", _nodes(default, place)),) if default else ()))
    return ()


def _undo(step: Step) -> Node | None:
    """What undoes a step has no id of its own; it gets the one that the plan will give it."""
    if step.rollback is None:
        return None
    said = {name: getattr(step.rollback, name) for name in Undo.model_fields}
    return Node(Step.model_construct(id=f"{step.id}.rollback", **said), place="rollback")
