"""What a ladder says, as plain values: they are judged here, stored as JSON, and frozen into each page."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

KINDS = ("person", "rotation", "audience", "role")
ROLES = ("responder", "commander", "admin")
TARGET = re.compile(r"(person|rotation|audience|role):([A-Za-z0-9_.@+-]{1,150})")
DAY = 86_400
Seconds = Annotated[int, Field(ge=0, le=DAY)]


class Step(BaseModel):
    """Wait, then tell these: `person:ana`, `rotation:primary`, `audience:commanders`, `role:responder`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Seconds = 0
    targets: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]

    @field_validator("targets")
    @classmethod
    def are_targets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if not TARGET.fullmatch(one):
                raise ValueError(f"{one[:80]!r} is no target, such as role:commander or rotation:primary")
        if sum(one.startswith("audience:") for one in value) > 1:
            raise ValueError("a step tells one audience at most; add a step that waits 0 seconds for another")
        return tuple(dict.fromkeys(value))


class Climb(BaseModel):
    """The steps in order; after the last one, `pause`, then all of it again, `repeats` times.

    Then nobody is left to wait for: the page says so by an alarm, and tells everybody on the ladder every `SLOWLY`
    seconds until somebody acknowledges it or its cause is gone. `lapse`: seconds without anything done by a person
    after which an acknowledgement counts no more; 0 means that it always counts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=20)]
    repeats: Annotated[int, Field(ge=0, le=20)] = 2
    pause: Annotated[int, Field(ge=5, le=DAY)] = 300
    lapse: Seconds = 1800

    @property
    def everybody(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(target for step in self.steps for target in step.targets))

    def targets(self, round_: int, step: int) -> tuple[str, ...]:
        """Whom a rung tells; beyond the last round, all of them. Of several audiences the last one is told by its own
        ways, too, so each is the last one in its turn."""
        if round_ <= self.repeats:
            return self.steps[step].targets
        audiences = [target for target in self.everybody if target.startswith("audience:")]
        last = audiences[(round_ - self.repeats) % len(audiences)] if audiences else ""
        return tuple(sorted(self.everybody, key=lambda target: target == last))

    def after(self, round_: int, step: int) -> tuple[int, int, int]:
        """The rung that follows, and how many seconds later."""
        if round_ <= self.repeats and step + 1 < len(self.steps):
            return round_, step + 1, self.steps[step + 1].after
        if round_ <= self.repeats:
            return round_ + 1, 0, self.pause + (self.steps[0].after if round_ < self.repeats else 0)
        return round_ + 1, 0, max(self.pause, SLOWLY)


SLOWLY = 900
# Where no ladder is set up, nobody must be left unpaged: everybody who may lead, then everybody who acts.
DEFAULT: dict[str, Any] = {
    "ladder": "",
    "name": "everybody",
    **Climb(steps=(Step(targets=("role:commander",)), Step(after=300, targets=("role:responder",)))).model_dump(
        mode="json"
    ),
}


def thawed(frozen: Mapping[str, Any]) -> Climb:
    """The climb in what a page took with it, which also holds the ladder's names."""
    return Climb.model_validate({name: frozen[name] for name in Climb.model_fields})
