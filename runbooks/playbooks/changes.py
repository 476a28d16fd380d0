"""What differs between two versions: line by line, and what that means for whoever runs it."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from runbooks.playbooks.durations import spell
from runbooks.playbooks.models import PlaybookVersion
from runbooks.playbooks.schema import Playbook
from runbooks.playbooks.shape import Flow, Node, flow_of

CONTEXT = 3
LONG_LINE = 400
MAX_VALUE = 300
ABOUT = ("title", "summary", "when", "impact", "approval")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line; `differs` where the other side reads otherwise."""

    text: str
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    number: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """One row of a comparison. `kind`: same, changed, added, removed, or gap (`hidden` equal lines are left out)."""

    kind: str
    before: Side | None = None
    after: Side | None = None
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Hunk:
    """Rows that belong together. A reader of one column sees first what went, then what came."""

    kind: str
    pairs: tuple[Pair, ...]

    @property
    def removed(self) -> list[Side]:
        return [pair.before for pair in self.pairs if pair.before]

    @property
    def added(self) -> list[Side]:
        return [pair.after for pair in self.pairs if pair.after]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a run would do otherwise. `kind`: added, removed, changed, moved."""

    kind: str
    what: str
    details: tuple[tuple[str, str, str], ...] = ()


def compare_lines(before: str, after: str) -> list[Hunk]:
    """Side by side; long stretches of equal lines are folded."""
    left, right = before.split("\n"), after.split("\n")
    hunks: list[Hunk] = []
    codes = difflib.SequenceMatcher(None, left, right).get_opcodes()
    for number, (tag, i1, i2, j1, j2) in enumerate(codes):
        if tag == "equal":
            same = [_same(left[i], i, j) for i, j in zip(range(i1, i2), range(j1, j2), strict=True)]
            hunks.extend(_folded(same, first=number == 0, last=number == len(codes) - 1))
        else:
            hunks.append(Hunk("change", tuple(_pairs(left[i1:i2], right[j1:j2], i1, j1))))
    return hunks


def _same(line: str, i: int, j: int) -> Pair:
    return Pair("same", Side(i + 1, (Piece(line),)), Side(j + 1, (Piece(line),)))


def _folded(same: list[Pair], *, first: bool, last: bool) -> Iterator[Hunk]:
    head = 0 if first else CONTEXT
    tail = 0 if last else CONTEXT
    hidden = len(same) - head - tail
    if hidden <= 1:
        yield Hunk("same", tuple(same))
        return
    if head:
        yield Hunk("same", tuple(same[:head]))
    yield Hunk("gap", (Pair("gap", hidden=hidden),))
    if tail:
        yield Hunk("same", tuple(same[-tail:]))


def _pairs(gone: Sequence[str], come: Sequence[str], i: int, j: int) -> Iterator[Pair]:
    for offset in range(max(len(gone), len(come))):
        old = gone[offset] if offset < len(gone) else None
        new = come[offset] if offset < len(come) else None
        if old is None and new is not None:
            yield Pair("added", None, Side(j + offset + 1, (Piece(new),)))
        elif new is None and old is not None:
            yield Pair("removed", Side(i + offset + 1, (Piece(old),)), None)
        elif old is not None and new is not None:
            before, after = _inside(old, new)
            yield Pair("changed", Side(i + offset + 1, before), Side(j + offset + 1, after))


def _inside(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Which words of a line differ; lines that have little in common differ as a whole."""
    whole = (Piece(old, True),), (Piece(new, True),)
    if max(len(old), len(new)) > LONG_LINE:
        return whole
    left, right = _words(old), _words(new)
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    if matcher.ratio() < 0.4:
        return whole
    before, after = [], []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        before.append(Piece("".join(left[i1:i2]), tag != "equal"))
        after.append(Piece("".join(right[j1:j2]), tag != "equal"))
    return tuple(piece for piece in before if piece.text), tuple(piece for piece in after if piece.text)


def _words(line: str) -> list[str]:
    words: list[str] = []
    for char in line:
        if words and char.isalnum() and words[-1][-1].isalnum():
            words[-1] += char
        else:
            words.append(char)
    return words


def unified(before: PlaybookVersion, after: PlaybookVersion) -> str:
    """The form that `patch` and `git apply` read."""
    old, new = (f"{version.playbook.slug} v{version.number}" for version in (before, after))
    left, right = (version.yaml.splitlines(keepends=True) for version in (before, after))
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(left, right, old, new)
    )


def compare_meaning(before: Playbook, after: Playbook) -> list[Change]:
    """What a run of the later one does otherwise: about the whole, its inputs, its steps."""
    changes = list(_about(before, after))
    changes += _named("input", _dumped(before.inputs), _dumped(after.inputs))
    changes += _steps(flow_of(before), flow_of(after))
    return changes


def _about(before: Playbook, after: Playbook) -> Iterator[Change]:
    old, new = ({name: _plain(getattr(document, name)) for name in ABOUT} for document in (before, after))
    for document, record in ((before, old), (after, new)):
        record["targets"] = {name: spell(value) for name, value in document.targets if value is not None}
    details = _differences(old, new)
    if details:
        yield Change("changed", "the playbook", details)


def _named(noun: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in (key for key in old if key not in new):
        yield Change("removed", f"{noun} {name}")
    for name in new:
        if name not in old:
            yield Change("added", f"{noun} {name}")
        elif details := _differences(old[name], new[name]):
            yield Change("changed", f"{noun} {name}", details)


def _dumped(models: Mapping[str, BaseModel]) -> dict[str, Any]:
    return {name: _plain(model) for name, model in models.items()}


def _steps(before: Flow, after: Flow) -> Iterator[Change]:
    old, new = {node.id: node for node in before.walk()}, {node.id: node for node in after.walk()}
    where = _homes(before), _homes(after)
    for name, node in old.items():
        if name not in new:
            yield Change("removed", f"step {name}", (("title", node.title, ""),))
    for name, node in new.items():
        if name not in old:
            yield Change("added", f"step {name}", (("title", "", node.title),))
            continue
        details = list(_differences(_step(old[name]), _step(node)))
        if where[0][name] != where[1][name]:
            details.insert(0, ("stands in", where[0][name], where[1][name]))
        if details:
            yield Change("changed", f"step {name}", tuple(details))
    common = [name for name in old if name in new]
    moved = [name for name in new if name in old]
    if common != moved:
        yield Change("moved", "the order of the steps", (("order", ", ".join(common), ", ".join(moved)),))


def _homes(flow: Flow) -> dict[str, str]:
    """Where each step stands: at the top, in a branch of another, among those that always run."""
    homes: dict[str, str] = {}

    def visit(node: Node, home: str) -> None:
        homes[node.id] = home
        for branch in node.branches:
            for inner in branch.nodes:
                visit(inner, f"{node.id} {branch.label}".strip())
        if node.undo:
            homes[node.undo.id] = f"rollback of {node.id}"

    for node in flow.main:
        visit(node, "the steps")
    for node in flow.last:
        visit(node, "finally")
    return homes


NESTED = {"parallel": {"steps"}, "if": {"then", "else"}, "switch": {"cases", "default"}}


def _step(node: Node) -> dict[str, Any]:
    """A step's own words, without the steps inside it; `needs` as they work, written or not."""
    record: dict[str, Any] = _plain(node.step)
    record.pop("id", None)
    record.pop("rollback", None)
    for name in ("expect", "timeout"):
        record[name] = spell(int(record[name]))
    record["retry"] = {**record["retry"], "delay": spell(int(record["retry"]["delay"]))}
    record["needs"] = list(node.needs)
    config = {key: value for key, value in record["config"].items() if key not in NESTED.get(node.type, ())}
    kind = record.pop("type")
    record["if"] = record.pop("if_", None)
    return {**record, "config": None, "type": kind, kind: config}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return json.loads(json.dumps(value, default=str))


def _differences(old: Any, new: Any) -> tuple[tuple[str, str, str], ...]:
    left, right = dict(_leaves(old, "")), dict(_leaves(new, ""))
    paths = [*left, *(path for path in right if path not in left)]
    return tuple(
        (path, left.get(path, ""), right.get(path, "")) for path in paths if left.get(path, "") != right.get(path, "")
    )


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Dotted paths and their values as words; what is empty has no words."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, (Mapping, list)) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}.{index + 1}")
    elif isinstance(value, list):
        yield path, ", ".join(_word(item) for item in value)
    else:
        yield path, _word(value)


def _word(value: Any) -> str:
    if value is None:
        return ""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "\u2026"
