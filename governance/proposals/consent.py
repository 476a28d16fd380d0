"""At the moment of executing, floors above are asked whether what people approved still holds."""

from collections.abc import Callable

from governance.proposals.models import Proposal

Question = Callable[[Proposal], str]
_ASKED: list[Question] = []


def ask(question: Question) -> None:
    """Called when a room above is ready. The answer is "" or why the proposal must not be executed now."""
    if question not in _ASKED:
        _ASKED.append(question)


def objection(proposal: Proposal) -> str:
    return next((why for question in _ASKED if (why := question(proposal))), "")
