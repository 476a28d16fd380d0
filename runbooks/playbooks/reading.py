"""A playbook as people read it: numbered steps with what stands inside them, and what it answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from governance.protocols.models import FailureMode
from runbooks.playbooks.deeds import deeds_of
from runbooks.playbooks.graph import plain, undone_by
from runbooks.playbooks.schema import Playbook
from runbooks.playbooks.shape import Flow, Node
from runbooks.steps import STEPS, StepType


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the reading. `heading`: a branch begins here, and it is no step. `depth`: how far it is set in."""

    depth: int
    number: str = ""
    heading: str = ""
    node: Node | None = None
    kind: type[StepType] | None = None
    order: str = ""
    said: tuple[tuple[str, str], ...] = ()
    deeds: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return plain(self.node.title) if self.node else ""

    @property
    def text(self) -> str:
        return plain(self.node.step.text) if self.node else ""


@dataclass(frozen=True, slots=True)
class Part:
    heading: str
    items: tuple[Item, ...]


def outline(flow: Flow) -> list[Part]:
    """The steps, then those that always run."""
    parts = [Part("Steps", tuple(_items(flow.main, 0, "")))]
    if flow.last:
        parts.append(Part("Always, at the end", tuple(_items(flow.last, 0, "F"))))
    return parts


def _items(nodes: Sequence[Node], depth: int, prefix: str, first: int = 1, together: bool = False) -> Iterator[Item]:
    """Numbered from `first`; `together`: all begin at once, unless they say otherwise."""
    for position, node in enumerate(nodes):
        number = f"{prefix}{first + position}"
        yield Item(
            depth=depth,
            number=number,
            node=node,
            kind=STEPS[node.type],
            order=_order(nodes, position, together),
            said=tuple(_said(node)),
            deeds=deeds_of(node),
        )
        inner = 1
        for branch in node.branches:
            if branch.label:
                yield Item(depth=depth + 1, heading=_branch(node, branch.label))
            if not branch.nodes:
                yield Item(depth=depth + 1, heading="nothing is done")
            yield from _items(branch.nodes, depth + 1, f"{number}.", inner, node.type == "parallel")
            inner += len(branch.nodes)


def _order(nodes: Sequence[Node], position: int, together: bool) -> str:
    """When it begins, where that is not simply after the step above it."""
    needs = nodes[position].needs
    usual = () if together or not position else (nodes[position - 1].id,)
    if needs == usual:
        return ""
    return f"after {' and '.join(needs)}" if needs else "at once"


def _branch(node: Node, label: str) -> str:
    if node.type == "switch":
        return "Otherwise" if label == "default" else f"If it is {label}"
    return {"then": "If so", "else": "If not"}.get(label, label)


def _said(node: Node) -> Iterator[tuple[str, str]]:
    """What a reader must know beside the words: an icon and a sentence."""
    condition = node.step.config.get("that" if node.type == "if" else "on") if node.type in ("if", "switch") else ""
    if condition:
        yield "filter", f"{'if' if node.type == 'if' else 'by'} {plain(str(condition))}"
    if node.guard:
        yield "filter", f"only if {plain(node.guard)}"
    for words, checks in (("before it begins", node.step.before), ("when it has ended", node.step.after)):
        for check in checks:
            yield "eye", f"{words}: {plain(str(check.get('that') or 'the feed is ' + str(check.get('is', ''))))}"
    if node.step.lock is not None:
        lock = node.step.lock if isinstance(node.step.lock, str) else node.step.lock.name or node.step.lock.address
        yield "lock", f"no other run acts on {plain(lock)} meanwhile"
    failure: str = node.step.on_failure
    if failure != "stop":
        ways = {"continue": "if it fails, the run goes on", "rollback": "if it fails, everything is rolled back"}
        yield "warning", ways.get(failure, f"if it fails, the run goes on at {failure}")
    if node.undo:
        deeds = "; ".join(deeds_of(node.undo))
        yield "history", f"undone by: {undone_by(node.undo)}" + (f" ({deeds})" if deeds else "")
    if node.step.marks:
        yield "check", f"when it is done, the incident is {node.step.marks}"


def answers(document: Playbook) -> list[tuple[str, FailureMode | None]]:
    """Failure modes that it says it answers, with their rows of the risk register."""
    rows: dict[str, Any] = {}
    for row in FailureMode.objects.filter(slug__in=document.when).select_related("protocol").order_by("-pk"):
        rows[row.slug] = row
    return [(mode, rows.get(mode)) for mode in document.when]
