"""`decide`: a person picks one of the options that were written down beforehand."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from ledger.errors import Invalid
from runbooks.steps import (
    STEPS,
    Asked,
    Finished,
    Heard,
    Output,
    Params,
    Rehearsed,
    Result,
    StepConfig,
    StepType,
    Turn,
    Waiting,
)

if TYPE_CHECKING:
    from runbooks.rehearsals.stage import Rehearsing
    from runbooks.runs.models import StepRun

Name = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f$]+$")]
"""Written in the plan as it stands in the playbook, since later steps compare with it."""


class Option(StepConfig):
    """One way to go; `text` says what it leads to."""

    choice: Name
    text: str = Field(default="", max_length=600)


@STEPS.register("decide")
class Decide(StepType):
    """A person chooses between written options; later steps read `choice`."""

    label = "Decide"
    icon = "fork"
    person = True
    hears = ("choice", "reason")

    class Config(StepConfig):
        question: str = Field(min_length=3, max_length=500)
        options: list[Name | Option] = Field(min_length=2, max_length=9)

        @model_validator(mode="after")
        def _differ(self) -> "Decide.Config":
            names = [_option(option).choice for option in self.options]
            if len(set(names)) != len(names):
                raise ValueError("two options have the same name")
            return self

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        options = [_option(option) for option in asked.config.options]
        return {
            "question": asked.config.question,
            "options": [{"choice": option.choice, "text": option.text} for option in options],
        }

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        return {"choice": Output("text", one_of=tuple(_option(option).choice for option in config.options))}

    @classmethod
    def at_once(cls, params: Params) -> bool:
        return True

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        answer = turn.step.answer
        if answer is None:
            return Waiting(on=turn.step.subject, reason="somebody decides")
        why = f" · {answer['reason']}" if answer["reason"] else ""
        return Finished(proof=f"{answer['choice']}{why}", output=answer)

    @classmethod
    def hear(cls, step: "StepRun", params: Params, given: Mapping[str, Any], actor: str) -> Heard:
        names = [option["choice"] for option in params["options"]]
        choice, reason = given.get("choice", ""), given.get("reason", "")
        if choice not in names:
            raise Invalid("choice", "is not one of the options", "one of: " + "; ".join(names))
        if not isinstance(reason, str) or len(reason) > 500 or "\x00" in reason:
            raise Invalid("reason", "is not a text of at most 500 characters", "one sentence is enough")
        told = {"choice": choice, "reason": reason.strip()}
        return Heard(answer={"actor": actor, **told}, told=told)

    @classmethod
    def rehearse(cls, rehearsal: "Rehearsing", params: Params) -> Rehearsed:
        """Nobody is asked: the first option is taken, and then each other one as another way."""
        options = [option["choice"] for option in params["options"]]
        taken = rehearsal.choice(options)
        others = " or ".join(f"“{option}”" for option in options if option != taken)
        said = f"a person decides; instead of “{taken}” it may be {others}"
        return Rehearsed("outside", said, {"choice": taken}, assumed=f"“{taken}” is chosen")

    @classmethod
    def describe(cls, params: Params) -> str:
        return str(params["question"])


def _option(option: "str | Option") -> Option:
    return Option(choice=option) if isinstance(option, str) else option
