"""Step types: one file each. `resolve` fixes what a step will do when the plan is compiled; doing it reads only that.

`begin` is called with a lease when the step is due, `resume` whenever something it waits for may have moved: both look
at the truth (the database, the chain) rather than at what woke them, so being called twice does no harm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from integrations.families import Family, Member

if TYPE_CHECKING:
    from runbooks.plans.context import PlanContext
    from runbooks.runs.models import StepRun
    from work import Lease

Params = dict[str, Any]
Template = Annotated[str, StringConstraints(pattern=r"\$\{\{")]
"""A value that stands in the YAML as `${{ … }}` and is filled in when the plan is compiled."""


class StepConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(StepConfig):
    """Something on a chain: a contract or a Safe, as an input yields it."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    chain_id: int = Field(ge=1)
    address: str = Field(pattern=r"^0x[0-9a-fA-F]{40}$")
    name: str = Field(default="", max_length=200)


@dataclass(frozen=True, slots=True)
class Finished:
    """The step did what it should; `proof` is the line that stays when it folds."""

    proof: str
    output: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot or must not go on; `reason` is shown to the commander as it is."""

    reason: str
    output: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Again:
    """Not yet, or a passing trouble: counts as an attempt of the step's retry rule."""

    reason: str
    output: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing to do until `on` (a subject such as `proposal:7`) moves, or until a time. Costs no worker."""

    on: str
    reason: str
    until: datetime | None = None
    output: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The outcome cannot be told by a machine: what is known, and the safe choices a person has."""

    known: str
    choices: tuple[str, ...] = ("retry", "skip", "abort")
    output: Mapping[str, Any] = field(default_factory=dict)


Result = Finished | Failed | Again | Waiting | Uncertain


@dataclass(frozen=True, slots=True)
class Asked:
    """What `resolve` works from: the config with every `${{ … }}` filled in, the inputs, the known world."""

    config: Any
    inputs: Mapping[str, Any]
    context: "PlanContext"


@dataclass(frozen=True, slots=True)
class Turn:
    """What `begin` and `resume` work from: the step, its part of the plan, and the lease that fences every write."""

    step: "StepRun"
    params: Params
    lease: "Lease"


class StepType(Member):
    """Base of every step type. `person` is true when somebody has to do something in the page."""

    icon: ClassVar[str] = "circle"
    person: ClassVar[bool] = False
    Config: ClassVar[type[BaseModel]] = StepConfig

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        """Everything the step will do, as plain JSON. ValueError says what cannot be resolved."""
        raise NotImplementedError

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        raise NotImplementedError

    @classmethod
    def resume(cls, turn: Turn) -> Result:
        return cls.begin(turn)

    @classmethod
    def describe(cls, params: Params) -> str:
        """One line in plain words, for the plan and the checklist."""
        return str(params.get("title", cls.label))


STEPS: Family[StepType] = Family("step", base=StepType)
