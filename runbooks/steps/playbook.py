"""`playbook`: another playbook's steps, as part of this plan. It stands after them, for when they are settled."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from runbooks.steps import STEPS, Asked, Finished, Params, Result, StepConfig, StepType, Turn


@STEPS.register("playbook")
class UsePlaybook(StepType):
    """Use another playbook's steps here, with inputs of one's own; never itself again."""

    label = "Playbook"
    icon = "checklist"
    control = True

    class Config(StepConfig):
        use: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
        version: int | None = Field(default=None, ge=1, le=100_000, strict=True)
        inputs: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")], Any] = Field(
            default_factory=dict, max_length=50
        )

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        """Which text it was: its steps stand in the plan, resolved."""
        known = asked.context.playbook(asked.config.use, asked.config.version)
        return {"use": known.slug, "version": known.version, "sha256": known.sha256}

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        return Finished(proof=f"the steps of {turn.params['use']} are settled")

    @classmethod
    def describe(cls, params: Params) -> str:
        return f"{params['use']}, version {params['version']}"
