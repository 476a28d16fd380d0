"""A monitor's figure over blocks, drawn on the server."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.watch.selectors import worded
from incidents.watch.trying import Point

WIDTH, HEIGHT = 1000, 160


@dataclass(frozen=True, slots=True)
class Chart:
    """Coordinates for the template. `line` is broken where nothing was read; `bars` are blocks at which it fired."""

    line: str
    limit_y: int | None
    limit: int | None
    bars: tuple[tuple[int, int], ...]
    first: int
    last: int
    highest: int
    newest: int | None
    figure: str = ""
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def words(self) -> str:
        """What the figure reached, against what it may reach."""
        limit = "" if self.limit is None else f", limit {worded(self.figure, self.limit)}"
        return f"highest {worded(self.figure, self.highest)}{limit}"


def chart(points: Sequence[Point], limit: int | None, figure: str = "") -> Chart | None:
    """None where there is nothing to draw."""
    figures = [one.figure for one in points if one.figure is not None]
    if len(figures) < 2:
        return None
    top = max(*figures, limit or 0, 1) * 11 // 10 + 1
    step = WIDTH / max(1, len(points) - 1)
    path, pen_down = [], False
    for place, one in enumerate(points):
        if one.figure is None:
            pen_down = False
            continue
        path.append(f"{'L' if pen_down else 'M'}{place * step:.1f} {_y(one.figure, top)}")
        pen_down = True
    wide = max(2, round(step))
    bars = tuple((round(place * step - wide / 2), wide) for place, one in enumerate(points) if one.state == "firing")
    return Chart(
        line="".join(path),
        limit_y=None if limit is None else _y(limit, top),
        limit=limit,
        bars=bars,
        first=points[0].number,
        last=points[-1].number,
        highest=max(figures),
        newest=points[-1].figure,
        figure=figure,
    )


def _y(figure: int, top: int) -> int:
    return HEIGHT - max(0, figure) * HEIGHT // top
