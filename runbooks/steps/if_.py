"""`if`: one or the other branch, by a condition. In the plan both stand, each step with its guard."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from integrations.expressions import bare
from runbooks.steps import STEPS, Asked, Branch, Finished, Params, Result, StepConfig, Steps, StepType, Turn

Condition = Annotated[str, StringConstraints(min_length=1, max_length=480), AfterValidator(bare)]


@STEPS.register("if")
class If(StepType):
    """Do some steps only when a condition holds, others when it does not."""

    label = "If"
    icon = "arrow"
    control = True

    class Config(StepConfig):
        that: Condition
        then: Steps
        else_: Steps | None = Field(default=None, alias="else")

    @classmethod
    def branches(cls, config: Any) -> tuple[Branch, ...]:
        then = Branch(path=("then",), steps=tuple(config.then), guards=(config.that,))
        if not config.else_:
            return (then,)
        return then, Branch(path=("else",), steps=tuple(config.else_), guards=(f"not ({config.that})",))

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        return {"that": asked.config.that}

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        return Finished(proof="the steps that were needed are settled")

    @classmethod
    def describe(cls, params: Params) -> str:
        return f"if {params['that']}"
