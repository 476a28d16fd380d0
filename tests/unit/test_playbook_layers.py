"""Any graph of steps can be drawn and exported: nothing overlaps, nothing runs upwards, nothing begins too early."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.cacao.structure import Chain, Fork, Tree, structure
from runbooks.playbooks.layers import GAP_X, arrange, direct
from runbooks.playbooks.schema import Step
from runbooks.playbooks.shape import Node

Graph = dict[str, list[str]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Each step needs any of those above it."""
    size = draw(st.integers(1, 14))
    return {
        f"s{n}": draw(st.lists(st.sampled_from([f"s{k}" for k in range(n)]), unique=True)) if n else []
        for n in range(size)
    }


def ancestors(needs: Graph) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key, wanted in needs.items():
        found[key] = set(wanted).union(*(found[need] for need in wanted))
    return found


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_leaving_out_what_follows_keeps_the_order(needs: Graph) -> None:
    tied = direct(needs)
    assert ancestors(tied) == ancestors(needs)
    for key, wanted in tied.items():
        for need in wanted:
            others = [ancestors(tied)[other] for other in wanted if other != need]
            assert not any(need in other for other in others), f"{need} → {key} says nothing new"


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_boxes_do_not_overlap_and_lines_run_down(needs: Graph) -> None:
    sizes = {key: (100 + 10 * (number % 5), 40 + 7 * (number % 3)) for number, key in enumerate(needs)}
    layout = arrange(sizes, needs)
    boxes = [(*layout.places[key], *sizes[key]) for key in needs]
    assert min(x for x, *_ in boxes) >= 0
    assert max(x + width for x, _, width, _ in boxes) <= layout.width
    assert max(y + height for _, y, _, height in boxes) <= layout.height
    for number, (x, y, width, height) in enumerate(boxes):
        for ox, oy, owidth, oheight in boxes[:number]:
            apart_x = x + width <= ox - GAP_X + 2 or ox + owidth <= x - GAP_X + 2
            assert apart_x or y + height <= oy or oy + oheight <= y
    assert {(start, end) for start, end, _ in layout.lines} == {
        (need, key) for key, wanted in direct(needs).items() for need in wanted
    }
    for start, end, points in layout.lines:
        heights = [y for _, y in points]
        assert heights == sorted(heights)
        assert heights[0] == layout.places[start][1] + sizes[start][1]
        assert heights[-1] == layout.places[end][1]


@given(graphs())
@settings(max_examples=30, deadline=None)
def test_the_same_graph_is_drawn_alike(needs: Graph) -> None:
    sizes = dict.fromkeys(needs, (80, 30))
    assert arrange(sizes, needs) == arrange(sizes, needs)


def runs(tree: Tree) -> list[tuple[str, set[str]]]:
    """Each step of the tree with everything that has certainly ended when it begins."""

    def walk(part: Tree, over: set[str]) -> tuple[list[tuple[str, set[str]]], set[str]]:
        if isinstance(part, Node):
            return [(part.id, over)], over | {part.id}
        found: list[tuple[str, set[str]]] = []
        ended = set(over)
        for inner in part.parts:
            steps, after = walk(inner, ended if isinstance(part, Chain) else over)
            found += steps
            ended |= after
        return found, ended

    return walk(tree, set())[0]


@given(graphs())
@settings(max_examples=200, deadline=None)
def test_chains_and_forks_never_begin_a_step_too_early(needs: Graph) -> None:
    manual = {"instruction": "Do it.", "evidence": "none"}
    nodes = [Node(Step(id=key, type="manual", config=manual), tuple(wanted)) for key, wanted in needs.items()]
    steps = runs(structure(nodes))
    assert sorted(name for name, _ in steps) == sorted(needs)
    known = ancestors(needs)
    for name, over in steps:
        assert known[name] <= over


@pytest.mark.parametrize(
    ("needs", "shape"),
    [
        ({"a": [], "b": ["a"], "c": ["b"]}, "a,b,c"),
        ({"a": [], "b": [], "c": ["a", "b"]}, "(a|b),c"),
        ({"a": [], "b": ["a"], "c": [], "d": ["c"], "e": ["b", "d"]}, "(a,b|c,d),e"),
        ({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": ["d", "a"]}, "a,(b|c),d,e"),
        ({"a": [], "b": [], "c": ["a"], "d": ["a", "b"]}, "(a|b),(c|d)"),
    ],
)
def test_what_people_write_keeps_its_shape(needs: Graph, shape: str) -> None:
    manual = {"instruction": "Do it.", "evidence": "none"}
    nodes = [Node(Step(id=key, type="manual", config=manual), tuple(wanted)) for key, wanted in needs.items()]

    def spell(tree: Tree) -> str:
        if isinstance(tree, Node):
            return tree.id
        parts = [spell(part) for part in tree.parts]
        return ",".join(parts) if isinstance(tree, Chain) else f"({'|'.join(parts)})"

    tree = structure(nodes)
    assert isinstance(tree, Chain | Fork)
    assert spell(tree) == shape
