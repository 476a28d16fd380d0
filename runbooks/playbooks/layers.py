"""Places boxes that wait for one another on layers, so that every line between them runs downwards.

Sugiyama's way, small: layers by the longest path, a bend where a line passes a layer, order by what stands above,
then each box as near as it may be to the middle of what it hangs on. Same input, same picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

GAP_X = 20
GAP_Y = 32
BEND = 12
SWEEPS = 4


@dataclass(slots=True)
class Spot:
    """A box, or (without a key) the bend of a line on a layer that it passes."""

    key: str
    width: int
    height: int
    above: "list[Spot]" = field(default_factory=list)
    below: "list[Spot]" = field(default_factory=list)
    x: float = 0
    y: int = 0

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """`places` by key; a line is the points from the bottom of one box to the top of another."""

    width: int
    height: int
    places: Mapping[str, tuple[int, int]]
    lines: tuple[tuple[str, str, tuple[tuple[int, int], ...]], ...]


def direct(needs: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Without what follows from the rest: who needs b, which needs a, need not be tied to a. Keys in file order."""
    bit = {key: 1 << position for position, key in enumerate(needs)}
    reach: dict[str, int] = {}
    found: dict[str, list[str]] = {}
    for key, wanted in needs.items():
        indirect = 0
        for need in wanted:
            indirect |= reach[need]
        found[key] = [need for need in dict.fromkeys(wanted) if not indirect & bit[need]]
        reach[key] = indirect | sum(bit[need] for need in found[key])
    return found


def arrange(sizes: Mapping[str, tuple[int, int]], needs: Mapping[str, Sequence[str]]) -> Layout:
    """`needs` holds the same keys as `sizes`, each after everything that it waits for."""
    tied = direct(needs)
    layer: dict[str, int] = {}
    for key, wanted in tied.items():
        layer[key] = 1 + max((layer[need] for need in wanted), default=-1)
    rows: list[list[Spot]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    spots = {key: Spot(key, *size) for key, size in sizes.items()}
    lines: list[tuple[str, str, list[Spot]]] = []
    for key in needs:
        rows[layer[key]].append(spots[key])
        for need in tied[key]:
            lines.append((need, key, _bends(spots[need], spots[key], rows, layer[need], layer[key])))
    _order(rows)
    _set_columns(rows)
    height = _set_rows(rows)
    left = min((spot.x for row in rows for spot in row), default=0)
    right = max((spot.x + spot.width for row in rows for spot in row), default=0)
    for row in rows:
        for spot in row:
            spot.x -= left
    places = {key: (round(spot.x), spot.y) for key, spot in spots.items()}
    drawn = tuple((start, end, _points(spots[start], bends, spots[end])) for start, end, bends in lines)
    return Layout(round(right - left), height, places, drawn)


def _bends(start: Spot, end: Spot, rows: list[list[Spot]], first: int, last: int) -> list[Spot]:
    bends = []
    upper = start
    for number in range(first + 1, last):
        bend = Spot("", BEND, 0)
        rows[number].append(bend)
        upper.below.append(bend)
        bend.above.append(upper)
        bends.append(bend)
        upper = bend
    upper.below.append(end)
    end.above.append(upper)
    return bends


def _order(rows: list[list[Spot]]) -> None:
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row, other in zip(rows[1:], rows, strict=False) if down else zip(rows[-2::-1], rows[::-1], strict=False):
            position = {id(spot): number for number, spot in enumerate(other)}
            weight = {}
            for number, spot in enumerate(row):
                near = [position[id(peer)] for peer in (spot.above if down else spot.below)]
                weight[id(spot)] = sum(near) / len(near) if near else number
            row.sort(key=lambda spot: weight[id(spot)])


def _set_columns(rows: list[list[Spot]]) -> None:
    """Down, up, down: each row as near as it may be to the middle of what it is tied to."""
    for row in rows:
        x = 0.0
        for spot in row:
            spot.x = x
            x += spot.width + GAP_X
    for _ in range(SWEEPS):
        for row in rows[1:]:
            _pull(row, down=True)
        for row in rows[-2::-1]:
            _pull(row, down=False)
    for row in rows[1:]:
        _pull(row, down=True)


def _pull(row: list[Spot], *, down: bool) -> None:
    wanted = []
    for spot in row:
        tied = spot.above if down else spot.below
        wanted.append(sum(peer.middle for peer in tied) / len(tied) - spot.width / 2 if tied else spot.x)
    at: list[float] = []
    for x in wanted:
        least = at[-1] + row[len(at) - 1].width + GAP_X if at else x
        at.append(max(x, least))
    shift = sum(x - want for x, want in zip(at, wanted, strict=True)) / len(row)
    for spot, x in zip(row, at, strict=True):
        spot.x = x - shift


def _set_rows(rows: list[list[Spot]]) -> int:
    y = 0
    for row in rows:
        tall = max(spot.height for spot in row)
        for spot in row:
            spot.y = y
            if not spot.key:
                spot.height = tall
        y += tall + GAP_Y
    return max(y - GAP_Y, 0)


def _points(start: Spot, bends: Sequence[Spot], end: Spot) -> tuple[tuple[int, int], ...]:
    points = [(round(start.middle), start.y + start.height)]
    for bend in bends:
        points += [(round(bend.middle), bend.y), (round(bend.middle), bend.y + bend.height)]
    return (*points, (round(end.middle), end.y))
