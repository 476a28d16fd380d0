"""`checklist`: things to tick off one by one, by whoever does them; done when all that are required are ticked."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from django.utils import timezone
from pydantic import Field, StringConstraints, model_validator

from ledger.errors import Invalid
from runbooks.steps import (
    STEPS,
    Asked,
    Finished,
    Flag,
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

Line = Annotated[str, StringConstraints(min_length=2, max_length=300)]


class Item(StepConfig):
    """One thing to tick off. One that is not required may stay open."""

    text: Line
    required: Flag = True


@STEPS.register("checklist")
class Checklist(StepType):
    """Several people tick things off at once; each tick says who and when."""

    label = "Checklist"
    icon = "checklist"
    person = True
    hears = ("items", "off")

    class Config(StepConfig):
        items: list[Line | Item] = Field(min_length=1, max_length=40)

        @model_validator(mode="after")
        def _fit(self) -> "Checklist.Config":
            found = [_item(item) for item in self.items]
            if not any(item.required for item in found):
                raise ValueError("at least one item must be required, or the step would never end by a tick")
            if len({item.text for item in found}) != len(found):
                raise ValueError("two items say the same")
            return self

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        items = [_item(item) for item in asked.config.items]
        return {"items": [{"text": item.text, "required": item.required} for item in items]}

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        return {"done": Output("bool")}

    @classmethod
    def at_once(cls, params: Params) -> bool:
        return True

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        items, ticked = turn.params["items"], ticks(turn.step.answer)
        left = [item for number, item in enumerate(items, start=1) if item["required"] and number not in ticked]
        if left:
            return Waiting(on=turn.step.subject, reason=f"{len(ticked)} of {len(items)} ticked")
        return Finished(proof=f"{len(ticked)} of {len(items)} ticked", output={"done": True, "ticked": sorted(ticked)})

    @classmethod
    def hear(cls, step: "StepRun", params: Params, given: Mapping[str, Any], actor: str) -> Heard:
        """`items` are ticked, `off` are taken back, by their numbers; what others ticked stays as it is."""
        on, off = (_numbers(name, given.get(name, []), len(params["items"])) for name in ("items", "off"))
        if not on and not off:
            raise Invalid("items", "are missing", "the numbers of the items that are done, such as [1, 3]")
        if on & off:
            raise Invalid("off", "names an item that is ticked in the same breath", "one or the other")
        kept = {number: tick for number, tick in ticks(step.answer).items() if number not in off}
        tick = {"actor": actor, "at": timezone.now().isoformat(timespec="seconds")}
        fresh = {number: tick for number in on if number not in kept}
        answer = {"ticks": {str(number): found for number, found in sorted({**kept, **fresh}.items())}}
        words = [params["items"][number - 1]["text"] for number in sorted(on or off)]
        told = {"items": sorted(on), "off": sorted(off), "what": "; ".join(words)[:500]}
        return Heard(answer=answer, told=told, verb="step.ticked" if on else "step.unticked")

    @classmethod
    def rehearse(cls, rehearsal: "Rehearsing", params: Params) -> Rehearsed:
        return Rehearsed("outside", f"people tick {len(params['items'])} items", {"done": True})

    @classmethod
    def describe(cls, params: Params) -> str:
        count = len(params["items"])
        return f"tick off {count} thing{'' if count == 1 else 's'}"


def _item(item: "str | Item") -> Item:
    return Item(text=item) if isinstance(item, str) else item


def ticks(answer: Any) -> dict[int, dict[str, str]]:
    """By the item's number, counted from 1: who ticked it, and when."""
    return {int(number): tick for number, tick in (answer or {}).get("ticks", {}).items()}


def _numbers(name: str, given: Any, most: int) -> set[int]:
    hint = f"whole numbers from 1 to {most}"
    if not isinstance(given, list | tuple) or len(given) > most:
        raise Invalid(name, "is not a list of item numbers", hint)
    for number in given:
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
            raise Invalid(name, "names an item that is not there", hint)
    return set(given)
