"""Lint: does the order of the steps hold? Ids, `needs`, where `on_failure` leads; what undoes, locks and proves."""

from collections.abc import Iterator

from integrations.expressions import bare
from runbooks.playbooks.flow import WORDS, Flow, Spot
from runbooks.playbooks.form import did_you_mean
from runbooks.playbooks.reader import Document, Path, Problem
from runbooks.playbooks.schema import Playbook, Step


def order(document: Document, playbook: Playbook, flow: Flow) -> Iterator[Problem]:
    seen: set[str] = set()
    for spot in flow.spots:
        if spot.id in seen:
            yield Problem(*document.place((*spot.path, "id")), f"the id `{spot.id}` is used twice", "rename one")
        seen.add(spot.id)
    for spot in flow.spots:
        yield from _needs(document, flow, spot)
        yield from _target(document, flow, spot)
        yield from _refused(document, flow, spot)
        yield from _rest(document, playbook, spot)


def _needs(document: Document, flow: Flow, spot: Spot) -> Iterator[Problem]:
    above = {one.id for one in flow.spots[: _start(flow, spot)] if one.phase == spot.phase}
    for position, need in enumerate(spot.step.needs or ()):
        found = flow.get(need)
        path: Path = (*spot.path, "needs", position)
        place = document.place(path if path in document.values else (*spot.path, "needs"))
        if found is None or need not in above:
            hint = did_you_mean(need, above) if found is None else "a step can only need steps that stand above it"
            yield Problem(*place, f"no step above is called `{need}`", hint or "there is none above it")


def _start(flow: Flow, spot: Spot) -> int:
    """Where a step begins in the row: a control step stands after what is inside it."""
    first = [flow.position[inner.id] for inner in _inner(spot.step)]
    return min(first, default=flow.position[spot.id])


def _inner(step: Step) -> Iterator[Step]:
    for _, children in step.inside:
        for child in children:
            yield child
            yield from _inner(child)


def _target(document: Document, flow: Flow, spot: Spot) -> Iterator[Problem]:
    """`on_failure: <id>` leads to a step of the same list, or of one around it, further down.

    A control step says it for those inside it, and is judged by where it stands itself.
    """
    word: str = spot.step.on_failure
    if word in WORDS or not spot.step.says("on_failure"):
        return
    place = document.place((*spot.path, "on_failure"))
    target = flow.get(word)
    below = [one.id for one in flow.spots[flow.position[spot.id] + 1 :] if one.phase == spot.phase]
    if target is None:
        yield Problem(
            *place, f"no step is called `{word}`", did_you_mean(word, ["stop", "continue", "rollback", *below])
        )
    elif word not in below:
        yield Problem(*place, f"`{word}` does not stand further down", "a run never goes back; use `retry`")
    elif target.around != spot.around[: len(target.around)] or target.path[: len(target.path) - 1] not in _lists(spot):
        yield Problem(
            *place, f"`{word}` stands inside another step", "go on at a step of this list, or of one around it"
        )
    elif any(step.id == word for step in spot.around):
        yield Problem(*place, f"`{word}` is around this step", "go on at a step after it")
    elif target.together:
        yield Problem(*place, f"`{word}` starts at the same time", "go on at a step after them")
    elif leapt := _leapt(flow, spot, target):
        yield Problem(*place, f"`{word}` stands after the approval `{leapt}`", f"go on at `{leapt}`, or above it")


def _leapt(flow: Flow, spot: Spot, target: Spot) -> str:
    """An approval that would be left out: what people must say yes to is not gone around."""
    between = flow.spots[flow.position[spot.id] + 1 : flow.position[target.id]]
    return next((one.id for one in between if one.phase == spot.phase and one.step.type == "approve"), "")


def _refused(document: Document, flow: Flow, spot: Spot) -> Iterator[Problem]:
    """A no is no: a run does not go on past an approval that was refused, whoever around the step says so."""
    sayer = spot.said("on_failure")
    word: str = sayer.on_failure
    if spot.step.type != "approve" or word in ("stop", "rollback"):
        return
    says = spot if sayer.id == spot.id else flow.get(sayer.id)
    hint = "stop or rollback" if sayer.id == spot.id else f"say `on_failure: stop` or `rollback` at `{spot.id}`"
    if says is not None:
        place = document.place((*says.path, "on_failure"))
        yield Problem(*place, f"`{word}` would go on when the approval `{spot.id}` is refused", hint)


def _lists(spot: Spot) -> list[Path]:
    """The lists of steps that a spot stands in, by their paths."""
    return [spot.path[:length] for length in range(1, len(spot.path))]


def _rest(document: Document, playbook: Playbook, spot: Spot) -> Iterator[Problem]:
    step, path = spot.step, spot.path
    if step.rollback is not None and not step.kind.acts and not step.kind.person:
        place = document.place((*path, "rollback"), key=True)
        yield Problem(*place, f"there is nothing to undo: `{step.type}` has no side effect", "remove `rollback`")
    if spot.phase == "finally":
        yield from _in_finally(document, spot)
    if isinstance(step.lock, str):
        place = document.place((*path, "lock"))
        name = bare(step.lock)
        spec = playbook.inputs.get(name.removeprefix("inputs.")) if name.startswith("inputs.") else None
        if spec is None:
            yield Problem(*place, "a lock is a contract", "for example lock: ${{ inputs.vault }}")
        elif spec.type not in ("contract", "safe"):
            yield Problem(*place, f"`{name}` is {spec.type}, not a contract", "lock an input of type contract or safe")


def _in_finally(document: Document, spot: Spot) -> Iterator[Problem]:
    step, path = spot.step, spot.path
    if step.rollback is not None or step.on_failure == "rollback":
        key = "rollback" if step.rollback is not None else "on_failure"
        yield Problem(*document.place((*path, key), key=True), "nothing is rolled back after the end", "remove it")
    if step.type == "playbook":
        hint = "write the steps here"
        yield Problem(*document.place((*path, "playbook"), key=True), "`finally` cannot use another playbook", hint)
    if step.marks:
        yield Problem(*document.place((*path, "marks")), "a run's end proves nothing", "put `marks` on a main step")
