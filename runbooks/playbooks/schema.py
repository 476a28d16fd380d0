"""The shape of a playbook: pydantic models that check it, and the JSON Schema editors complete it by."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from integrations.expressions import bare
from runbooks.playbooks.durations import Duration
from runbooks.playbooks.inputs import InputSpec
from runbooks.steps import STEPS, Branch, Kind, Place, Template, Whole

RESERVED = ("stop", "continue", "rollback", "finally")
"""What `on_failure` may say instead of a step's id, or a plan calls its own: no step is called so."""
HIDDEN = "SkipJsonSchema"  # a field marked so is set by compiling alone
PLACES = ("cacao-extension", "lint", "schema")
"""What stands in the API's addresses where a playbook's name does."""


def _free(value: str) -> str:
    if value in RESERVED:
        raise ValueError(f"`{value}` has a meaning of its own; call the step something else")
    return value


def _addressable(value: str) -> str:
    if value in PLACES:
        raise ValueError(f"`{value}` is an address of the API beside the playbooks'; call it something else")
    return value


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str | Mapping) else value


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
StepId = Annotated[Word, AfterValidator(_free)]
InputName = Word
Role = Literal["responder", "commander", "admin", "signers"]
Needs = Literal["none", "wallet", "passkey"]
Guard = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(bare)]
Checks = Annotated[tuple[dict[str, Any], ...], BeforeValidator(_one_or_many), Field(max_length=5)]
"""Configs of the step type `check`: one, or a list."""


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Targets(Part):
    """How long each leg may take, from the first bad block."""

    detect: Duration | None = None
    acknowledge: Duration | None = None
    safe: Duration | None = None
    restored: Duration | None = None


class RunApproval(Part):
    """Who must agree to the whole plan, by its hash, before a live run starts."""

    required: Whole = Field(default=1, ge=1, le=9)
    role: Literal["responder", "commander", "admin"] = "commander"
    needs: Needs = "none"


class RetryRule(Part):
    attempts: Whole = Field(default=1, ge=1, le=20)
    delay: Duration = 5


class Bound(Part):
    """Within which something a step yields must fall; the step fails when it does not. Numbers, or `${{ … }}`."""

    minimum: Whole | str | None = None
    maximum: Whole | str | None = None
    one_of: tuple[Whole | str, ...] = Field(default=(), max_length=50)
    max_length: Whole | None = Field(default=None, ge=1, le=4_000)


class Deed(Part):
    """What a step and the step that undoes it have in common; beside it stands one key that names the type."""

    title: str = Field(default="", max_length=120, description="One line for the checklist")
    text: str = Field(default="", max_length=2_000, description="What the person on duty should know")
    expect: Duration = Field(default=60, description="How long it usually takes")
    timeout: Duration = Field(default=1_800, description="After that it fails")
    retry: RetryRule = Field(default=RetryRule(), description="How often it tries by itself before it fails")
    role: Role = Field(default="commander", description="Who is responsible, and may act")

    def says(self, key: str) -> bool:
        """Whether the playbook says it, rather than leaving it to the default."""
        return key in self.model_fields_set


class Typed(Deed):
    """One key names the type: `{id: a, check: {…}}` is read as `{id: a, type: check, config: {…}}`."""

    type: str
    config: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _split(cls, raw: Any) -> Any:
        """What else there is, the checks refuse."""
        if not isinstance(raw, Mapping):
            return raw
        kinds = kinds_in(raw)
        if len(kinds) != 1:
            return raw
        rest = {key: value for key, value in raw.items() if key != kinds[0]}
        return {**rest, "type": kinds[0], "config": raw[kinds[0]]}

    @property
    def kind(self) -> Kind:
        return STEPS[self.type]

    def typed_config(self, config: Any = None) -> BaseModel:
        return self.kind.Config.model_validate(self.config if config is None else config)


class Undo(Typed):
    """The step that undoes another one, when the run is rolled back."""


class StepBase(Deed):
    """What every step may say; beside these stands exactly one key that names the step's type."""

    id: StepId = Field(description="Its name, unique in the file")
    needs: Annotated[tuple[Word, ...], BeforeValidator(_one_or_many)] | None = Field(
        default=None, description="Steps above that must be settled first; the one before, unless told"
    )
    if_: Guard | None = Field(default=None, alias="if", description="When this is not true, the step is skipped")
    on_failure: Word = Field(
        default="stop", description="stop, continue, rollback, or the id of a step further down where the run goes on"
    )
    rollback: Undo | None = Field(default=None, description="The step that undoes this one")
    before: Checks = Field(default=(), description="Checks that must hold when the step begins")
    after: Checks = Field(default=(), description="Checks that must hold when the step has finished")
    lock: Template | Place | None = Field(default=None, description="Two runs never act on this contract at once")
    bounds: dict[Word, Bound] = Field(default_factory=dict, description="Within which the step's outputs must fall")
    marks: Literal["contained", "restored"] | None = Field(
        default=None, description="When this is done, so is the incident: put it on the step that proves it"
    )


class Step(StepBase, Typed):
    @cached_property
    def inside(self) -> tuple[tuple[Branch, tuple["Step", ...]], ...]:
        """The steps inside a control step, branch by branch. Only of a playbook that lints."""
        if not self.kind.control:
            return ()
        found = self.kind.branches(self.typed_config())
        return tuple((branch, tuple(Step.model_validate(raw) for raw in branch.steps)) for branch in found)


class Playbook(Part):
    MOST_STEPS: ClassVar[int] = 200
    MOST_FINALLY: ClassVar[int] = 50
    playbook: Annotated[Slug, AfterValidator(_addressable)] = Field(description="Its name for ever")
    title: str = Field(min_length=3, max_length=120)
    summary: str = Field(min_length=10, max_length=2_000, description="What it is for, in two or three sentences")
    when: Annotated[tuple[Slug, ...], BeforeValidator(_one_or_many)] = Field(
        default=(), description="The failure modes it answers; the war room then suggests it"
    )
    impact: str = Field(default="", max_length=1_000, description="What it costs to run it")
    targets: Targets = Field(default=Targets(), description="How long each leg may take, from the first bad block")
    approval: RunApproval | None = Field(default=None, description="Who agrees to the plan before a live run begins")
    inputs: dict[InputName, InputSpec] = Field(default_factory=dict, description="What is asked when a run starts")
    steps: tuple[Step, ...] = Field(min_length=1, max_length=MOST_STEPS, description="Done from top to bottom")
    finally_: tuple[Step, ...] = Field(
        default=(), max_length=MOST_FINALLY, alias="finally", description="Steps that always run at the end"
    )

    def needs_of(self, index: int) -> tuple[str, ...]:
        """What a step waits for: what it names, or else the step before it."""
        return needs_of(self.steps, index)

    def every_step(self) -> Iterator[Step]:
        """All steps with those inside them, in the order they are written."""
        yield from _walk(self.steps)
        yield from _walk(self.finally_)


def needs_of(steps: tuple[Step, ...], index: int) -> tuple[str, ...]:
    named = steps[index].needs
    if named is not None:
        return named
    return (steps[index - 1].id,) if index else ()


def _walk(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        for _, children in step.inside:
            yield from _walk(children)


def kinds_in(raw: Mapping[Any, Any]) -> list[str]:
    """The keys of a written step that name a type. `if` does so with a mapping; with text it is the guard."""
    return [key for key in raw if key in STEPS and not (key == "if" and not isinstance(raw[key], Mapping))]


def written_keys(model: type[BaseModel]) -> set[str]:
    """A model's fields by the names that stand in the YAML."""
    return {field.alias or name for name, field in model.model_fields.items()} - {"type", "config"} - hidden_keys(model)


def hidden_keys(model: type[BaseModel]) -> set[str]:
    """Fields that only compiling sets."""
    fields = model.model_fields.items()
    return {name for name, field in fields if any(type(one).__name__ == HIDDEN for one in field.metadata)}
