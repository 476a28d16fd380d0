"""The shape of a playbook: pydantic models that check it, and the JSON Schema editors complete it by."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from runbooks.playbooks.durations import Duration
from runbooks.playbooks.inputs import InputSpec
from runbooks.steps import STEPS

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
StepId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
InputName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Role = Literal["responder", "commander", "admin", "signers"]
Needs = Literal["none", "wallet", "passkey"]


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

    required: int = Field(default=1, ge=1, le=9)
    role: Literal["responder", "commander", "admin"] = "commander"
    needs: Needs = "none"


class RetryRule(Part):
    attempts: int = Field(default=1, ge=1, le=20)
    delay: Duration = 5


class StepBase(Part):
    """What every step may say; beside these stands exactly one key that names the step's type."""

    id: StepId
    title: str = Field(default="", max_length=120)
    text: str = Field(default="", max_length=2_000)
    needs: tuple[StepId, ...] | None = None
    expect: Duration = 60
    timeout: Duration = 1_800
    retry: RetryRule = RetryRule()
    on_failure: Literal["stop", "continue"] = "stop"
    role: Role = "commander"
    marks: Literal["contained", "restored"] | None = None

    @field_validator("needs", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class Step(StepBase):
    type: str
    config: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _split(cls, raw: Any) -> Any:
        """`{id: a, check: {…}}` → `{id: a, type: check, config: {…}}`; what else there is, the checks refuse."""
        if not isinstance(raw, Mapping):
            return raw
        kinds = [key for key in raw if key in list(STEPS)]
        if len(kinds) != 1:
            return raw
        rest = {key: value for key, value in raw.items() if key != kinds[0]}
        return {**rest, "type": kinds[0], "config": raw[kinds[0]]}

    def typed_config(self, config: Any = None) -> BaseModel:
        return STEPS[self.type].Config.model_validate(self.config if config is None else config)


class Playbook(Part):
    playbook: Slug
    title: str = Field(min_length=3, max_length=120)
    summary: str = Field(min_length=10, max_length=2_000)
    when: tuple[Slug, ...] = ()
    impact: str = Field(default="", max_length=1_000)
    targets: Targets = Targets()
    approval: RunApproval | None = None
    inputs: dict[InputName, InputSpec] = Field(default_factory=dict)
    steps: tuple[Step, ...] = Field(min_length=1, max_length=200)

    @field_validator("when", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    def needs_of(self, index: int) -> tuple[str, ...]:
        """What a step waits for: what it names, or else the step before it."""
        step = self.steps[index]
        if step.needs is not None:
            return step.needs
        return (self.steps[index - 1].id,) if index else ()


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of the YAML as it is written."""
    schema = Playbook.model_json_schema(mode="validation")
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    base = StepBase.model_json_schema()
    definitions.update(base.pop("$defs", {}))
    properties: dict[str, Any] = dict(base["properties"])
    properties["needs"] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    for name in list(STEPS):
        member = STEPS[name]
        config = member.Config.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
        definitions.update({f"{name}.{key}": value for key, value in config.pop("$defs", {}).items()})
        properties[name] = {**config, "title": member.label}
    schema["properties"]["when"] = properties["needs"]
    definitions["Step"] = {
        "type": "object",
        "title": "Step",
        "properties": properties,
        "required": ["id"],
        "oneOf": [{"required": [name]} for name in list(STEPS)],
        "additionalProperties": False,
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
