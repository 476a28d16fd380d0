"""Lint of one playbook that uses another: is it there, are its inputs answered, does it lead back?"""

from collections.abc import Iterator, Mapping

from runbooks.playbooks.flow import Flow
from runbooks.playbooks.form import did_you_mean
from runbooks.playbooks.reader import Document, Path, Problem
from runbooks.playbooks.schema import Playbook


def uses(document: Document, playbook: Playbook, known: Mapping[str, Playbook]) -> Iterator[Problem]:
    """`known`: playbooks by name, as far as the one who lints has them. What is not among them is asked at compile."""
    for spot in Flow(playbook).spots:
        if spot.step.type != "playbook":
            continue
        slug, path = str(spot.step.config["use"]), (*spot.path, "playbook")
        place = document.place((*path, "use"))
        way = _back(playbook.playbook, slug, known, (playbook.playbook,))
        if way:
            yield Problem(
                *place, f"a playbook cannot use itself: {' → '.join(way)}", "use another, or write the steps here"
            )
        elif slug in known and spot.step.config.get("version") is None:
            yield from _answers(document, spot.step.config.get("inputs", {}), known[slug], path)


def _back(wanted: str, slug: str, known: Mapping[str, Playbook], trail: tuple[str, ...]) -> tuple[str, ...]:
    """The way by which a playbook comes back to itself, or ()."""
    if slug == wanted:
        return (*trail, slug)
    if slug in trail or slug not in known:
        return ()
    for step in known[slug].every_step():
        if step.type == "playbook":
            way = _back(wanted, str(step.config["use"]), known, (*trail, slug))
            if way:
                return way
    return ()


def _answers(document: Document, given: Mapping[str, object], used: Playbook, path: Path) -> Iterator[Problem]:
    for name in given:
        if name not in used.inputs:
            place = document.place((*path, "inputs", name), key=True)
            yield Problem(*place, f"{used.playbook} has no input `{name}`", did_you_mean(name, used.inputs))
    for name, spec in used.inputs.items():
        if name not in given and spec.default is None:
            place = document.place((*path, "inputs"))
            yield Problem(*place, f"{used.playbook} asks for `{name}`", f"add `{name}: ${{{{ inputs.… }}}}`")
