"""Lint: every mistake at once, each with its line, its column, what is wrong and what would be right."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from runbooks.playbooks.flow import Flow
from runbooks.playbooks.form import form
from runbooks.playbooks.names import Names
from runbooks.playbooks.order import order
from runbooks.playbooks.reader import Document, NotReadable, Problem, read
from runbooks.playbooks.schema import Playbook
from runbooks.playbooks.uses import uses

MOST_PROBLEMS = 200


@dataclass(frozen=True, slots=True)
class Linted:
    """`playbook` is None exactly when there are problems."""

    playbook: Playbook | None
    problems: tuple[Problem, ...]


def lint(text: str, known: Mapping[str, Playbook] | None = None) -> Linted:
    """`known`: other playbooks by name, for those that it uses."""
    try:
        document = read(text)
    except NotReadable as error:
        return Linted(None, (error.problem,))
    problems = set(islice(form(document), MOST_PROBLEMS))
    if problems:
        return Linted(None, tuple(sorted(problems)))
    playbook = Playbook.model_validate(document.data)
    problems = set(islice(_meaning(document, playbook, known or {}), MOST_PROBLEMS))
    if problems:
        return Linted(None, tuple(sorted(problems)))
    return Linted(playbook, ())


def _meaning(document: Document, playbook: Playbook, known: Mapping[str, Playbook]) -> Iterator[Problem]:
    """What can be said once every step has the right form."""
    flow = Flow(playbook)
    if len(flow.spots) > Playbook.MOST_STEPS:
        place = document.place(flow.spots[Playbook.MOST_STEPS].path)
        yield Problem(*place, f"more than {Playbook.MOST_STEPS} steps", "split the playbook")
        return
    wrong = list(order(document, playbook, flow))
    yield from wrong
    if not any("is used twice" in problem.message for problem in wrong):
        yield from Names(document, playbook).problems()
    yield from uses(document, playbook, known)
