"""What the expressions of one playbook see while it is compiled, and how its `${{ … }}` are filled in."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.expressions import (
    TEMPLATE,
    ExpressionError,
    as_text,
    evaluate,
    is_template,
    names_in,
    template_expressions,
)
from runbooks.plans.later import Yields, mark, secret_mark
from runbooks.steps import Output

LONGEST = 10_000
STEP_VALUE = re.compile(r"steps\.([a-z][a-z0-9_]{0,40})\.([a-z][a-z0-9_]{0,40})")
SECRET_VALUE = re.compile(r"secrets\.([a-z][a-z0-9_]{0,60})")


@dataclass(frozen=True, slots=True)
class Scope:
    """One playbook that is being compiled: the plan's own, or one that a step uses.

    `prefix` stands before its steps' ids in the plan; `guards` and `needs` are those of the step that uses it.
    """

    names: Mapping[str, Any]  # inputs and run, as expressions see them
    inputs: Mapping[str, Mapping[str, Any]]  # as the plan holds them
    yields: Yields
    trail: tuple[str, ...]
    secrets: Collection[str] | None = None
    prefix: str = ""
    needs: tuple[str, ...] = ()
    guards: tuple[Mapping[str, Any], ...] = ()
    said: Mapping[str, Any] = field(default_factory=dict)  # by the step that uses it, for all that do not say their own

    def plan_id(self, step_id: str) -> str:
        return self.prefix + step_id

    def fill(self, value: Any) -> Any:
        """A config with every `${{ … }}` replaced, by a value or by the mark of a later one."""
        if isinstance(value, str):
            return self._fill_text(value) if is_template(value) else value
        if isinstance(value, Mapping):
            return {key: self.fill(item) for key, item in value.items()}
        return [self.fill(item) for item in value] if isinstance(value, list | tuple) else value

    def fill_words(self, text: str) -> str:
        """A title or an explanation: text, all of it known now."""
        if not is_template(text):
            return text
        return as_text(self._known(text))

    def _known(self, text: str) -> Any:
        for source in template_expressions(text):
            if names_later(source):
                raise ExpressionError("titles and explanations are fixed with the plan; name only inputs here")
        return self.fill(text)

    def _fill_text(self, text: str) -> Any:
        sources = template_expressions(text)
        whole = TEMPLATE.fullmatch(text.strip())
        if whole and len(sources) == 1:
            return self._value(sources[0])
        pieces, length = [], 0
        for number, piece in enumerate(TEMPLATE.split(text)):
            pieces.append(as_text(self._value(piece.strip())) if number % 2 else piece)
            length += len(pieces[-1])
            if length > LONGEST:
                raise ExpressionError(f"the text can grow beyond {LONGEST} characters")
        return "".join(pieces)

    def _value(self, source: str) -> Any:
        step = STEP_VALUE.fullmatch(source)
        if step:
            return mark(f"{self.plan_id(step[1])}.{step[2]}", self.use(step[1], step[2]))
        secret = SECRET_VALUE.fullmatch(source)
        if secret:
            if self.secrets is not None and secret[1] not in self.secrets:
                raise ExpressionError(f"no secret is called {secret[1]}")
            return secret_mark(secret[1])
        if names_later(source):
            raise ExpressionError(f"`{source}`: what is not known yet stands alone, as in ${{{{ steps.look.price }}}}")
        return evaluate(source, self.names)

    def use(self, step_id: str, output: str) -> Output:
        """Something that a step above yields; the plan then holds a reference to it."""
        found = self.yields.use(f"{self.plan_id(step_id)}.{output}")
        if found is None:
            raise ExpressionError(f"`steps.{step_id}.{output}`: no step above yields it")
        return found


def names_later(source: str) -> bool:
    """Whether an expression names what only the run will know."""
    return any(name.split(".")[0] in ("steps", "secrets") for name in names_in(source))
