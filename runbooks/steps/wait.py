"""`wait`: until a time has passed or a block is reached, without holding a worker."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from pydantic import Field, model_validator

from runbooks.playbooks.durations import Duration, spell
from runbooks.steps import STEPS, Asked, Finished, Params, Place, Result, StepConfig, StepType, Template, Turn, Waiting

if TYPE_CHECKING:
    from runbooks.runs.models import StepRun

POLL = timedelta(seconds=2)


@STEPS.register("wait")
class WaitStep(StepType):
    """Let a time pass, or a number of blocks."""

    label = "Wait"
    icon = "clock"

    class Config(StepConfig):
        """Either `duration`, or `blocks` of the chain that `on` is on."""

        duration: Duration | Template | None = None
        blocks: int | None = Field(default=None, ge=1, le=100_000)
        on: Template | Place | None = None

        @model_validator(mode="after")
        def _one(self) -> "WaitStep.Config":
            if (self.duration is None) == (self.blocks is None) or (self.blocks is None) != (self.on is None):
                raise ValueError("write either `duration: 5m`, or `blocks: 12` with `on: ${{ inputs.contract }}`")
            return self

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        config = asked.config
        if config.duration is not None:
            return {"seconds": config.duration}
        return {"blocks": config.blocks, "chain_id": config.on.chain_id}

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        step, params = turn.step, turn.params
        if "seconds" in params:
            until = (step.started_at or timezone.now()) + timedelta(seconds=params["seconds"])
            if timezone.now() >= until:
                return Finished(proof=f"{spell(params['seconds'])} passed")
            return Waiting(on=step.subject, reason=f"until {until:%H:%M:%S} UTC", until=until)
        return cls._blocks(step, params)

    @classmethod
    def _blocks(cls, step: "StepRun", params: Params) -> Result:
        from integrations.chain.client import client_for
        from integrations.chain.models import Chain

        now = client_for(Chain.objects.get(chain_id=params["chain_id"])).block_number()
        target = int(step.output.get("target", now + params["blocks"]))
        if now >= target:
            return Finished(proof=f"block {now} reached", output={"block": now})
        return Waiting(
            on=step.subject,
            reason=f"until block {target}; it is {now}",
            until=timezone.now() + POLL,
            output={"target": target},
        )

    @classmethod
    def describe(cls, params: Params) -> str:
        return f"wait {spell(params['seconds'])}" if "seconds" in params else f"wait {params['blocks']} blocks"
