"""At the moment of acting, floors above are asked whether what people approved still holds."""

from collections.abc import Callable
from typing import Generic, TypeVar

Subject = TypeVar("Subject")


class Consent(Generic[Subject]):
    """The questions about one kind of subject. Each answers "" or why it must not go on now."""

    def __init__(self) -> None:
        self._asked: list[Callable[[Subject], str]] = []

    def ask(self, question: Callable[[Subject], str]) -> None:
        """Called when a room above is ready."""
        if question not in self._asked:
            self._asked.append(question)

    def objection(self, subject: Subject) -> str:
        return next((why for question in self._asked if (why := question(subject))), "")
