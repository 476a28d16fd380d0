"""A playbook as a picture: boxes for steps, lines for what waits for what, frames round branches. Numbers only.

`templates/runbooks/graph.html` turns it into SVG; everything has a place here, so nothing is measured in a browser.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from integrations.expressions import TEMPLATE
from runbooks.playbooks.durations import spell
from runbooks.playbooks.layers import Layout, arrange
from runbooks.playbooks.shape import Branch, Flow, Node
from runbooks.steps import STEPS

WIDTH = 236
HEAD = 26
LINE = 17
STRIP = 22
FOOT = 9
PAD = 14
LABEL = 24
GAP = 20
MARGIN = 6
LETTERS = 31
STRIP_LETTERS = 37
WAYS = {"default": "otherwise"}
INPUT = re.compile(r"\binputs\.([a-z][a-z0-9_]*)(?:\.[a-z_]+)*")
PREFIX = re.compile(r"\b(?:inputs|steps)\.")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of words inside a box, with the baseline of its letters."""

    kind: str
    text: str
    y: int
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """One step."""

    id: str
    x: int
    y: int
    width: int
    height: int
    kind: str
    icon: str
    label: str
    side: str
    words: str
    line: int
    rows: tuple[Row, ...]
    rules: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    x: int
    y: int
    width: int
    height: int
    kind: str


@dataclass(frozen=True, slots=True)
class Label:
    x: int
    y: int
    text: str
    kind: str = "branch"


@dataclass(frozen=True, slots=True)
class Line:
    path: str
    kind: str = "then"
    head: str = ""


@dataclass(slots=True)
class Picture:
    width: int = 0
    height: int = 0
    boxes: list[Box] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    at: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Block:
    """A step with everything inside it, measured but not placed yet."""

    node: Node
    width: int
    height: int
    head: int
    areas: "tuple[tuple[Branch, Area], ...]" = ()


@dataclass(frozen=True, slots=True)
class Area:
    """Steps beside and below each other."""

    width: int
    height: int
    blocks: tuple[Block, ...]
    layout: Layout


def picture_of(flow: Flow, lines: Mapping[str, int] | None = None) -> Picture:
    """`lines`: on which line of the file each step stands, for an editor that jumps there."""
    picture = Picture(at=lines or {})
    main = _area(flow.main)
    last = _area(flow.last) if flow.last else None
    inner = max(main.width, last.width + 2 * PAD if last else 0)
    _draw_area(main, MARGIN + (inner - main.width) // 2, MARGIN, picture)
    height = MARGIN + main.height
    if last:
        top = height + 34
        middle = MARGIN + inner // 2
        picture.lines.append(_curve(((middle, height), (middle, top)), "last"))
        width = last.width + 2 * PAD
        x = MARGIN + (inner - width) // 2
        picture.frames.append(Frame(x, top, width, last.height + LABEL + 2 * PAD, "last"))
        picture.labels.append(Label(x + PAD, top + 22, "Always, at the end", "last"))
        _draw_area(last, x + PAD, top + LABEL + PAD, picture)
        height = top + last.height + LABEL + 2 * PAD
    picture.width, picture.height = inner + 2 * MARGIN, height + MARGIN
    _draw_failures(flow, picture)
    return picture


def _area(nodes: Sequence[Node]) -> Area:
    blocks = tuple(_block(node) for node in nodes)
    layout = arrange(
        {block.node.id: (block.width, block.height) for block in blocks}, {node.id: node.needs for node in nodes}
    )
    return Area(layout.width, layout.height, blocks, layout)


def _block(node: Node) -> Block:
    head = _height(node)
    if not node.branches:
        return Block(node, WIDTH, head, head)
    areas = tuple((branch, _area(branch.nodes)) for branch in node.branches)
    labelled = LABEL if any(branch.label for branch, _ in areas) else 0
    inner = sum(max(area.width, WIDTH // 2) for _, area in areas) + GAP * (len(areas) - 1)
    tallest = max(area.height for _, area in areas)
    width = max(inner, WIDTH) + 2 * PAD
    return Block(node, width, PAD + head + 28 + labelled + tallest + PAD, head, areas)


def _draw_area(area: Area, x: int, y: int, picture: Picture) -> None:
    for _, _, points in area.layout.lines:
        picture.lines.append(_curve([(x + px, y + py) for px, py in points]))
    for block in area.blocks:
        left, top = area.layout.places[block.node.id]
        _draw_block(block, x + left, y + top, picture)


def _draw_block(block: Block, x: int, y: int, picture: Picture) -> None:
    if not block.areas:
        picture.boxes.append(_box(block.node, x, y, picture.at))
        return
    picture.frames.append(Frame(x, y, block.width, block.height, block.node.type))
    head_x, head_y = x + (block.width - WIDTH) // 2, y + PAD
    picture.boxes.append(_box(block.node, head_x, head_y, picture.at))
    bottom = (head_x + WIDTH // 2, head_y + block.head)
    labelled = LABEL if any(branch.label for branch, _ in block.areas) else 0
    top = bottom[1] + 28 + labelled
    widths = [max(area.width, WIDTH // 2) for _, area in block.areas]
    left = x + (block.width - sum(widths) - GAP * (len(widths) - 1)) // 2
    for (branch, area), width in zip(block.areas, widths, strict=True):
        _draw_branch(branch, area, (left + (width - area.width) // 2, top), width, bottom, picture)
        left += width + GAP


def _draw_branch(
    branch: Branch, area: Area, corner: tuple[int, int], width: int, start: tuple[int, int], picture: Picture
) -> None:
    x, y = corner
    middle = x + area.width // 2
    if branch.label:
        picture.labels.append(Label(middle, y - 10, _short(WAYS.get(branch.label, branch.label), width // 7), "branch"))
        start_of_lane = (middle, y - LABEL)
        picture.lines.append(_curve((start, start_of_lane), "branch", head=False))
    if not branch.nodes:
        picture.labels.append(Label(middle, y + 14, "nothing", "nothing"))
    for block in area.blocks:
        if not block.node.needs:
            left, top = area.layout.places[block.node.id]
            end = (x + left + block.width // 2, y + top)
            picture.lines.append(_curve(((middle, y - 4) if branch.label else start, end), "branch"))
    _draw_area(area, x, y, picture)


def _box(node: Node, x: int, y: int, lines: Mapping[str, int]) -> Box:
    kind = STEPS[node.type]
    step = node.step
    rows: list[Row] = []
    rules: list[int] = []
    baseline = HEAD + 12
    for line in _wrapped(node):
        rows.append(Row("title", line, y + baseline))
        baseline += LINE
    edge = baseline - 12 + FOOT
    for name, icon, text in _strips(node):
        rules.append(y + edge)
        rows.append(Row(name, _short(text, STRIP_LETTERS), y + edge + 15, icon))
        edge += STRIP
    return Box(
        id=step.id,
        x=x,
        y=y,
        width=WIDTH,
        height=_height(node),
        kind=_kind(node),
        icon=kind.icon,
        label=kind.label,
        side=f"{step.role} · {spell(step.expect)}" if not STEPS[node.type].control else "",
        words=in_words(node),
        line=lines.get(node.id, 0),
        rows=tuple(rows),
        rules=tuple(rules),
    )


def _kind(node: Node) -> str:
    if STEPS[node.type].control:
        return "control"
    return "person" if STEPS[node.type].person else "machine"


def _height(node: Node) -> int:
    return HEAD + LINE * len(_wrapped(node)) + FOOT + STRIP * len(_strips(node))


def plain(text: str) -> str:
    """`Pause ${{ inputs.vault.name }}` in words: the input's name in small angle quotes."""
    return TEMPLATE.sub(lambda match: f"\u2039{_named(match.group(1).strip())}\u203a", text)


def _named(source: str) -> str:
    """An input by its name, whatever part of it is meant; the same inside something that is worked out."""
    return INPUT.sub(lambda match: match.group(1).replace("_", " "), source)


def _wrapped(node: Node) -> list[str]:
    return textwrap.wrap(plain(node.title), LETTERS, max_lines=2, placeholder="\u2026") or [node.id]


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "\u2026"


def _strips(node: Node) -> list[tuple[str, str, str]]:
    """What a box says below its title: kind, icon, words."""
    found: list[tuple[str, str, str]] = []
    if node.guard:
        found.append(("guard", "filter", f"only if {PREFIX.sub('', plain(node.guard))}"))
    failure: str = node.step.on_failure
    if failure == "continue":
        found.append(("fails", "arrow", "goes on if it fails"))
    elif failure == "rollback":
        found.append(("fails", "history", "rolls back if it fails"))
    elif failure != "stop":
        found.append(("jump", "arrow", f"if it fails: {failure}"))
    if node.undo:
        found.append(("undo", "history", f"undone by: {undone_by(node.undo)}"))
    if node.step.marks:
        found.append(("marks", "check", f"marks {node.step.marks}"))
    return found


def undone_by(undo: Node) -> str:
    """By its title, or else by what kind of step it is."""
    return plain(undo.step.title) or STEPS[undo.type].label.lower()


def in_words(node: Node) -> str:
    """The box as a sentence, for who does not see it."""
    parts = [f"{plain(node.title)}: {STEPS[node.type].label}"]
    if node.needs:
        parts.append(f"after {' and '.join(node.needs)}")
    parts += [text for _, _, text in _strips(node)]
    return ", ".join(parts)


def _draw_failures(flow: Flow, picture: Picture) -> None:
    """A line from a step to where the run goes on when it fails, round the right side of what is between."""
    boxes = {box.id: box for box in picture.boxes}
    for node in flow.walk():
        start, end = boxes.get(node.id), boxes.get(node.step.on_failure)
        if start is None or end is None:
            continue
        x1, y1 = start.x + start.width, start.y + start.height - 12
        x2, y2 = end.x + end.width, end.y + 14
        beside = [box.x + box.width for box in picture.boxes if box.y < y2 and box.y + box.height > y1]
        out = max([x1, x2, *beside]) + 16
        picture.width = max(picture.width, out + MARGIN)
        path = f"M{x1} {y1}C{out} {y1} {out} {y1} {out} {y1 + 20}V{y2 - 20}C{out} {y2} {out} {y2} {x2 + 6} {y2}"
        picture.lines.append(Line(path, "fails", f"M{x2} {y2}l7 -4v8z"))


def _curve(points: Sequence[tuple[int, int]], kind: str = "then", head: bool = True) -> Line:
    x, y = points[0]
    path = f"M{x} {y}"
    stop = 6 if head else 0
    for number, (nx, ny) in enumerate(points[1:], start=2):
        ny_ = ny - stop if number == len(points) else ny
        if nx == x:
            path += f"V{ny_}"
        else:
            half = (ny_ - y) // 2
            path += f"C{x} {y + half} {nx} {ny_ - half} {nx} {ny_}"
        x, y = nx, ny
    return Line(path, kind, f"M{x} {y}l-4 -7h8z" if head else "")
