"""`parallel`: steps that start together. In the plan it stands after them, for the moment when all are settled."""

from typing import Any

from runbooks.steps import STEPS, Asked, Branch, Finished, Params, Result, StepConfig, Steps, StepType, Turn


@STEPS.register("parallel")
class Parallel(StepType):
    """Start several steps at once; go on when all of them are settled."""

    label = "At the same time"
    icon = "pane"
    control = True

    class Config(StepConfig):
        steps: Steps

    @classmethod
    def branches(cls, config: Any) -> tuple[Branch, ...]:
        return (Branch(path=("steps",), steps=tuple(config.steps), together=True),)

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        return {"steps": [str(step["id"]) for step in asked.config.steps]}

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        return Finished(proof=f"{len(turn.params['steps'])} steps are settled")

    @classmethod
    def describe(cls, params: Params) -> str:
        return "at the same time: " + ", ".join(params["steps"])
