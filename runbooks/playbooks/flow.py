"""How the steps of one playbook hang together: in which order, after which, under which conditions.

The control types disappear here: what stands inside them becomes one flat row, in which each step knows what it waits
for and the guards of everything around it, and a control step stands after its insides, for the moment when they are
settled. Lint and the compiler read the same row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from runbooks.playbooks.reader import Path
from runbooks.playbooks.schema import Playbook, Step, needs_of

WORDS = ("stop", "continue", "rollback")  # what `on_failure` says when it names no step
DEEPEST = 4
"""So many control steps may stand inside one another."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One step where it stands. Ids are those of the playbook; `path` leads to the step in the YAML document."""

    step: Step
    path: Path
    needs: tuple[str, ...]
    guards: tuple[str, ...]  # from the outermost to the step's own
    around: tuple[Step, ...]  # the control steps it is inside of, outermost first
    phase: str
    together: bool = False  # starts at once with its neighbours

    @property
    def id(self) -> str:
        return self.step.id

    def said(self, key: str) -> Step:
        """Who says `key` for this step: itself, or else the nearest control step around it that does."""
        return next((one for one in (self.step, *reversed(self.around)) if one.says(key)), self.step)


class Flow:
    """All spots of a playbook in the plan's order."""

    def __init__(self, playbook: Playbook) -> None:
        self.spots: tuple[Spot, ...] = (
            *_row(playbook.steps, Around(path=("steps",))),
            *_row(playbook.finally_, Around(path=("finally",), phase="finally")),
        )

    @cached_property
    def position(self) -> Mapping[str, int]:
        return {spot.id: index for index, spot in enumerate(self.spots)}

    @cached_property
    def before(self) -> Mapping[str, frozenset[str]]:
        """Id → everything that is settled for certain before it begins."""
        found: dict[str, frozenset[str]] = {}
        for spot in self.spots:
            sets = (found.get(need, frozenset()) | {need} for need in spot.needs)
            found[spot.id] = frozenset().union(*sets)
        return found

    def get(self, step_id: str) -> Spot | None:
        index = self.position.get(step_id)
        return None if index is None else self.spots[index]

    @cached_property
    def jumps(self) -> tuple[tuple[Spot, Spot], ...]:
        """Each step that goes on further down when it fails, with where it does."""
        pairs = ((spot, self.get(target_of(spot))) for spot in self.spots)
        return tuple((spot, target) for spot, target in pairs if target is not None)


def target_of(spot: Spot) -> str:
    """The step that `on_failure` names, or ""."""
    word = spot.said("on_failure").on_failure
    return "" if word in WORDS or spot.step.kind.control else word


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds a list of steps."""

    path: Path
    needs: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    phase: str = "main"
    together: bool = False


def _row(steps: tuple[Step, ...], around: Around) -> Iterable[Spot]:
    own = {step.id for step in steps}
    for index, step in enumerate(steps):
        needs = _needs(steps, index, own, around)
        guards = (*around.guards, *((step.if_,) if step.if_ else ()))
        path: Path = (*around.path, index)
        last: list[str] = []
        for branch, children in step.inside:
            inner = Around(
                path=(*path, step.type, *branch.path),
                needs=needs,
                guards=(*guards, *branch.guards),
                steps=(*around.steps, step),
                phase=around.phase,
                together=branch.together,
            )
            row = list(_row(children, inner))
            last += _leaves(children, row)
            yield from row
        yield Spot(step, path, tuple(last) or needs, guards, around.steps, around.phase, around.together)


def _needs(steps: tuple[Step, ...], index: int, own: set[str], around: Around) -> tuple[str, ...]:
    """What is named, or the step before; the first inside a control step waits for what that one waits for."""
    if around.together and steps[index].needs is None:
        return around.needs
    named = needs_of(steps, index)
    outer = () if any(need in own for need in named) else tuple(need for need in around.needs if need not in named)
    return (*named, *outer)


def _leaves(children: tuple[Step, ...], row: list[Spot]) -> list[str]:
    """Of steps inside a control step those that no other one there waits for: with them all are settled."""
    ids = [child.id for child in children]
    needed = {need for spot in row for need in spot.needs}
    return [one for one in ids if one not in needed]
