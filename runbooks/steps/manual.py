"""`manual`: a person does something outside and says what they saw."""

from typing import Literal

from pydantic import Field

from runbooks.steps import STEPS, Asked, Finished, Params, Result, StepConfig, StepType, Turn, Waiting


@STEPS.register("manual")
class Manual(StepType):
    """A person acts outside Breakglass and writes down what they saw; nothing goes on until they have."""

    label = "Do by hand"
    icon = "hand"
    person = True

    class Config(StepConfig):
        instruction: str = Field(min_length=3, max_length=2_000)
        evidence: Literal["none", "text", "link"] = "text"

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        return {"instruction": asked.config.instruction, "evidence": asked.config.evidence}

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        """Finished once `runs.services.complete_step` has stored what the person saw."""
        answer = turn.step.answer
        if answer is None:
            return Waiting(on=turn.step.subject, reason="somebody does this and says what they saw")
        said = str(answer.get("evidence", ""))
        return Finished(proof=said or f"done by {answer['actor']}", output=answer)

    @classmethod
    def describe(cls, params: Params) -> str:
        return str(params["instruction"])
