"""Step types: one file each. `resolve` fixes what a step will do when the plan is compiled; doing it reads only that.

`begin` is called with a lease when the step is due, `resume` whenever something it waits for may have moved: both look
at the truth (the database, the chain) rather than at what woke them, so being called twice does no harm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, StringConstraints, WithJsonSchema

from integrations.chain.addresses import parse_address
from integrations.families import Family, Member
from ledger.errors import Invalid, Refused

if TYPE_CHECKING:
    from runbooks.plans.context import PlanContext
    from runbooks.rehearsals.stage import Rehearsing
    from runbooks.runs.models import StepRun
    from work import Lease

Params = dict[str, Any]
Whole = Annotated[int, Strict()]
"""A whole number as such: neither true nor "5"."""
Flag = Annotated[bool, Strict()]
"""true or false, and neither "yes" nor 1."""
Template = Annotated[str, StringConstraints(pattern=r"\$\{\{")]
"""A value that stands in the YAML as `${{ … }}` and is filled in when the plan is compiled."""


OPEN, CLOSE = "\ue000", "\ue001"
Later = Annotated[str, StringConstraints(pattern="^\ue000[^\ue000\ue001]*\ue001$")]
"""While a plan is compiled: stands for a value that an earlier step will yield (see `runbooks.plans.later`)."""


def _checksummed(text: str) -> str:
    """One spelling of one address, or locks and comparisons would take it for two."""
    try:
        return parse_address(text)
    except Invalid as error:
        raise ValueError(f"{error.message} {error.hint}") from None


class StepConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(StepConfig):
    """Something on a chain: a contract or a Safe, as an input yields it."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    chain_id: Whole = Field(ge=1)
    address: (
        Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$"), AfterValidator(_checksummed)]
        | Template
        | Later
    )
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

    @property
    def only_looks(self) -> bool:
        """The run goes back: what the step began is followed to its end, and nothing is begun any more."""
        return self.step.run.turned_back and self.step.phase == "main"

    def log(self, text: str) -> None:
        """A line of the step's log, seen live. Bounded in length and number; never hand it a secret."""
        from runbooks.runs.logs import write_line

        write_line(self.step, self.lease, text)


Steps = Annotated[
    list[Annotated[dict[str, Any], WithJsonSchema({"$comment": "a step"})]], Field(min_length=1, max_length=50)
]
"""Steps inside a control step, as they are written; `runbooks.playbooks.schema` reads them."""


OutputType = Literal["uint256", "int256", "address", "bytes32", "bool", "text"]


@dataclass(frozen=True, slots=True)
class Output:
    """Something a step yields, which later steps may name as `${{ steps.<id>.<output> }}`, and its bounds."""

    type: OutputType
    one_of: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One plan step of several that a step expands into. They are done one after the other.

    `suffix` "schedule" stands in the plan as `<id>.schedule`; "" is the last one, with the step's own id. `config` is
    in the form of `type`'s Config and is resolved by it, but never expanded again. `rules` overrides single rules of
    the step, such as `{"expect": 60}`.
    """

    suffix: str
    type: str
    config: Mapping[str, Any]
    title: str = ""
    rules: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Branch:
    """Steps inside a step: where they stand in its config, and when they are done."""

    path: tuple[str | int, ...]
    steps: tuple[Any, ...]
    guards: tuple[str, ...] = ()
    together: bool = False  # all start at once, unless they name `needs`


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How a step went in a rehearsal. `outside`: nothing was tried, since it would leave the forks or is a person's.

    `output` is what later steps may use; `assumed` says what was taken for granted on the way.
    """

    result: Literal["passed", "failed", "outside"]
    said: str
    output: Mapping[str, Any] = field(default_factory=dict)
    assumed: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a step keeps of what a person said: its new answer, and what the event of it tells."""

    answer: Params
    told: Mapping[str, Any] = field(default_factory=dict)
    verb: str = "step.answered"


class StepType(Member):
    """Base of every step type. `person` is true when somebody has to do something in the page.

    `acts` is true when it has a side effect outside. `control` types do nothing themselves: they stand for the steps
    inside them, and in the plan for the moment when those are settled. In the config fields that `secret_fields` names,
    `${{ secrets.<name> }}` may stand.
    """

    icon: ClassVar[str] = "circle"
    person: ClassVar[bool] = False
    acts: ClassVar[bool] = False
    control: ClassVar[bool] = False
    secret_fields: ClassVar[tuple[str, ...]] = ()
    hears: ClassVar[tuple[str, ...]] = ()  # what a person may answer in the page; see `hear`
    Config: ClassVar[type[BaseModel]] = StepConfig

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        """Everything the step will do, as plain JSON. ValueError says what cannot be resolved."""
        raise NotImplementedError

    @classmethod
    def expand(cls, asked: Asked) -> tuple[Part, ...] | None:
        """Several plan steps in place of one; None: one plan step, by `resolve`."""
        return None

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """What later steps may name. Asked of a config as it is written too, where `${{ … }}` still stands."""
        return {}

    @classmethod
    def lasts(cls, config: Any) -> int:
        """The seconds that it takes at the least, where its config tells: it is not late before."""
        return 0

    @classmethod
    def branches(cls, config: Any) -> tuple[Branch, ...]:
        """The steps inside this one, for control types."""
        return ()

    @classmethod
    def at_once(cls, params: Params) -> bool:
        """Whether `begin` asks nobody, writes nothing and takes no time: it is then called inside a transaction."""
        return False

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        raise NotImplementedError

    @classmethod
    def resume(cls, turn: Turn) -> Result:
        return cls.begin(turn)

    @classmethod
    def rehearse(cls, rehearsal: "Rehearsing", params: Params) -> Rehearsed:
        """Try it on the forks of `rehearsal`; nothing may happen anywhere else. `params` are as `begin` gets them."""
        if cls.control:
            return Rehearsed("passed", "nothing to do by itself")
        return Rehearsed("outside", "not rehearsed: a person does this" if cls.person else "not rehearsed")

    @classmethod
    def hear(cls, step: "StepRun", params: Params, given: Mapping[str, Any], actor: str) -> Heard:
        """Judge what a person said of a waiting step. Invalid names the field; the engine then takes a turn."""
        raise Refused("This step is not done by hand.", "it ends by itself", "not-manual")

    @classmethod
    def describe(cls, params: Params) -> str:
        """One line in plain words, for the plan and the checklist."""
        return str(params.get("title", cls.label))


Kind = type[StepType]
STEPS: Family[StepType] = Family("step", base=StepType)
