"""`switch`: one of several branches, by a value. In the plan all stand, each step with its guard."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from integrations.expressions import MAX_SOURCE, bare
from runbooks.steps import STEPS, Asked, Branch, Finished, Params, Result, StepConfig, Steps, StepType, Turn

Case = Annotated[str, StringConstraints(pattern=r"^[^\n\"\\]{1,100}$")]


@STEPS.register("switch")
class Switch(StepType):
    """Do the steps of the case that a value is, or those of `default`."""

    label = "Switch"
    icon = "arrow"
    control = True

    class Config(StepConfig):
        on: Annotated[str, StringConstraints(min_length=1, max_length=380), AfterValidator(bare)]
        cases: dict[Case, Steps] = Field(min_length=1, max_length=20)
        default: Steps | None = None

        @model_validator(mode="after")
        def _differ(self) -> "Switch.Config":
            cases = list(self.cases)
            literals = [_literal(case, cases) for case in cases]
            again = next((case for number, case in enumerate(cases) if literals[number] in literals[:number]), None)
            if again is not None:
                raise ValueError(f"the case `{again}` is the same value as one above it")
            return self

    @classmethod
    def branches(cls, config: Any) -> tuple[Branch, ...]:
        literals = {case: _literal(case, list(config.cases)) for case in config.cases}
        found = [
            Branch(path=("cases", case), steps=tuple(steps), guards=(f"({config.on}) == {literals[case]}",))
            for case, steps in config.cases.items()
        ]
        if config.default:
            found.append(Branch(path=("default",), steps=tuple(config.default), guards=_none(config.on, literals)))
        return tuple(found)

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        return {"on": asked.config.on, "cases": list(asked.config.cases)}

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        return Finished(proof="the steps of the case are settled")

    @classmethod
    def describe(cls, params: Params) -> str:
        return f"{params['on']}: {', '.join(params['cases'])}"


def _none(on: str, literals: Mapping[str, str]) -> tuple[str, ...]:
    """That no case fits: as few conditions as an expression's length allows."""
    found = [""]
    for literal in literals.values():
        one = f"({on}) != {literal}"
        longer = f"{found[-1]} and {one}" if found[-1] else one
        found = [*found[:-1], longer] if len(longer) <= MAX_SOURCE else [*found, one]
    return tuple(found)


def _literal(case: str, cases: list[str]) -> str:
    """How a case stands in an expression: a number or true/false when all cases are, else text."""
    if all(one.isascii() and one.removeprefix("-").isdigit() and len(one) <= 80 for one in cases):
        return str(int(case))
    if all(one in ("true", "false") for one in cases):
        return case
    return json.dumps(case, ensure_ascii=False)
