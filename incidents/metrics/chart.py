"""A chart of times as plain SVG: one dot an incident, a line through the medians of the months, seconds on a scale of
tenfold steps, since an emergency takes seconds or days."""

from dataclasses import dataclass
from math import log10
from statistics import median

from incidents.metrics.selectors import Times
from runbooks.playbooks.durations import spell

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 220, 56, 24, 10
MARKS = (1, 10, 60, 600, 3_600, 36_000, 86_400, 864_000)


@dataclass(frozen=True, slots=True)
class Dot:
    x: int
    y: int
    words: str
    severity: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws."""

    dots: tuple[Dot, ...]
    line: str  # points of the medians
    levels: tuple[tuple[int, str], ...]  # height and label of each mark
    months: tuple[tuple[int, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT


def chart(found: list[Times], kind: str) -> Chart | None:
    """The oldest on the left; None with nothing to draw."""
    known = [(one, value) for one in reversed(found) if (value := getattr(one, kind)) is not None]
    if not known:
        return None
    most = max(value for _, value in known)
    top = next((mark for mark in MARKS if mark >= most), most)
    months = sorted({one.month for one, _ in known})
    wide = (WIDTH - LEFT) / len(months)

    def height(seconds: float) -> int:
        share = log10(max(1, seconds)) / max(log10(max(top, 10)), 1)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP))

    def middle(month: str) -> int:
        return round(LEFT + (months.index(month) + 0.5) * wide)

    dots = []
    for month in months:
        here = [(one, value) for one, value in known if one.month == month]
        for number, (one, value) in enumerate(here, start=1):
            x = round(LEFT + (months.index(month) + number / (len(here) + 1)) * wide)
            dots.append(Dot(x, height(value), f"{one.incident.title}: {spell(value)}", one.incident.severity))
    medians = [(middle(m), height(median(value for one, value in known if one.month == m))) for m in months]
    return Chart(
        dots=tuple(dots),
        line=" ".join(f"{x},{y}" for x, y in medians),
        levels=tuple((height(mark), spell(mark)) for mark in MARKS if mark <= max(top, 10)),
        months=tuple((middle(month), month) for month in months[-12:]),
    )
