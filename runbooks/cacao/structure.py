"""Steps that wait for each other in any way, as chains and forks: what CACAO can say.

Where a graph is no such thing (a line crosses from one lane to another), its sources come first, all of them, then the
rest: something may then start later than it could, never earlier than it must.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from runbooks.playbooks.shape import Node


@dataclass(frozen=True, slots=True)
class Chain:
    """One after the other."""

    parts: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Fork:
    """All at once, until the last has ended."""

    parts: "tuple[Tree, ...]"


Tree = Node | Chain | Fork


def structure(nodes: Sequence[Node]) -> Tree:
    """`nodes` in the order of the file: none needs one below it. At least one."""
    bit = {node.id: 1 << position for position, node in enumerate(nodes)}
    before: list[int] = []
    for node in nodes:
        mask = 0
        for need in node.needs:
            mask |= bit[need] | before[bit[need].bit_length() - 1]
        before.append(mask)
    return _tree(tuple(range(len(nodes))), nodes, before)


def _tree(members: tuple[int, ...], nodes: Sequence[Node], before: Sequence[int]) -> Tree:
    if len(members) == 1:
        return nodes[members[0]]
    lanes = _lanes(members, before)
    if len(lanes) > 1:
        return Fork(tuple(_tree(lane, nodes, before) for lane in lanes))
    pieces = _pieces(members, before)
    if len(pieces) == 1:
        whole = _mask(members)
        first = tuple(member for member in members if not before[member] & whole)
        pieces = [first, tuple(member for member in members if member not in first)]
    return Chain(tuple(_tree(piece, nodes, before) for piece in pieces))


def _mask(members: Sequence[int]) -> int:
    return sum(1 << member for member in members)


def _lanes(members: tuple[int, ...], before: Sequence[int]) -> list[tuple[int, ...]]:
    """Those that have to do with each other."""
    lanes: list[int] = []
    whole = _mask(members)
    for member in members:
        own = 1 << member | before[member] & whole
        touching = [lane for lane in lanes if lane & own]
        lanes = [lane for lane in lanes if not lane & own]
        for lane in touching:
            own |= lane
        lanes.append(own)
    lanes.sort(key=lambda lane: lane & -lane)
    return [tuple(member for member in members if lane >> member & 1) for lane in lanes]


def _pieces(members: tuple[int, ...], before: Sequence[int]) -> list[tuple[int, ...]]:
    """Cut wherever everything below waits for everything above."""
    cuts = [0]
    for position in range(1, len(members)):
        above = _mask(members[:position])
        if all(before[member] & above == above for member in members[position:]):
            cuts.append(position)
    return [members[start:end] for start, end in zip(cuts, [*cuts[1:], len(members)], strict=True)]
