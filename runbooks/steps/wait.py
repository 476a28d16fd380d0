"""`wait`: until a time has passed, a block is reached or a condition holds, without holding a worker."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from pydantic import Field, model_validator

from runbooks.playbooks.durations import Duration, spell
from runbooks.steps import (
    STEPS,
    Again,
    Asked,
    Failed,
    Finished,
    Output,
    Params,
    Place,
    Rehearsed,
    Result,
    StepConfig,
    StepType,
    Template,
    Turn,
    Waiting,
    Whole,
)
from runbooks.steps.check import Check, look

if TYPE_CHECKING:
    from integrations.chain.models import Chain, Head
    from runbooks.rehearsals.stage import Rehearsing

SHORTEST, LONGEST = 1.0, 60.0
HTTP_EVERY = 30


@STEPS.register("wait")
class WaitStep(StepType):
    """Let a time pass or a number of blocks, or wait until something is so."""

    label = "Wait"
    icon = "clock"

    class Config(StepConfig):
        """`duration`, or `blocks` of the chain that `on` is on, or `until` with what a check holds."""

        duration: Duration | Template | None = None
        blocks: Whole | None = Field(default=None, ge=1, le=100_000)
        on: Template | Place | None = None
        until: Check.Config | None = None
        every: Duration | None = None

        @model_validator(mode="after")
        def _one(self) -> "WaitStep.Config":
            ways = [self.duration is not None, self.blocks is not None, self.until is not None]
            if sum(ways) != 1 or (self.blocks is None) != (self.on is None):
                raise ValueError(
                    "write `duration: 5m`, or `blocks: 12` with `on: ${{ inputs.contract }}`, or `until:` with a check"
                )
            if self.every is not None and (self.until is None or not 1 <= self.every <= 3_600):
                raise ValueError("`every` belongs to `until`, and is from 1s to 1h")
            return self

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        config = asked.config
        if config.duration is not None:
            return {"seconds": config.duration}
        if config.blocks is not None:
            return {"blocks": config.blocks, "chain_id": config.on.chain_id}
        inner = Asked(config=config.until, inputs=asked.inputs, context=asked.context)
        every = {"every": config.every} if config.every is not None else {}
        return {"until": Check.resolve(inner), **every}

    @classmethod
    def outputs(cls, config: Any) -> dict[str, Output]:
        if config.until is not None:
            return Check.outputs(config.until)
        return {"block": Output("uint256")} if config.blocks is not None else {}

    @classmethod
    def lasts(cls, config: Any) -> int:
        return int(config.duration or 0)

    @classmethod
    def at_once(cls, params: Params) -> bool:
        return "seconds" in params

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        step, params = turn.step, turn.params
        if "seconds" in params:
            until = (step.started_at or timezone.now()) + timedelta(seconds=params["seconds"])
            if timezone.now() >= until:
                return Finished(proof=f"{spell(params['seconds'])} passed")
            return Waiting(on=step.subject, reason=f"until {until:%H:%M:%S} UTC", until=until)
        return _blocks(turn) if "blocks" in params else _until(turn)

    @classmethod
    def rehearse(cls, rehearsal: "Rehearsing", params: Params) -> Rehearsed:
        """The clocks of the forks are set forward. What somebody else must bring about cannot be waited for there."""
        if "seconds" in params:
            rehearsal.pass_time(params["seconds"])
            return Rehearsed("passed", f"{spell(params['seconds'])} passed")
        if "blocks" in params:
            from integrations.chain.forks import MOST_BLOCKS

            block = rehearsal.fork(params["chain_id"]).pass_blocks(params["blocks"])
            fewer = f"only {MOST_BLOCKS:,} blocks were made, and the clock set forward for the others"
            assumed = fewer if params["blocks"] > MOST_BLOCKS else ""
            return Rehearsed("passed", f"{params['blocks']} blocks passed", {"block": str(block.number)}, assumed)
        found = Check.rehearse(rehearsal, params["until"])
        if found.result != "failed":
            return found
        return Rehearsed("outside", f"not so on the fork, and nobody there makes it so: {found.said}", found.output)

    @classmethod
    def describe(cls, params: Params) -> str:
        if "seconds" in params:
            return f"wait {spell(params['seconds'])}"
        if "blocks" in params:
            return f"wait {params['blocks']} blocks"
        return f"wait until {Check.describe(params['until'])}"


def _blocks(turn: Turn) -> Result:
    """The head that the watch follows is enough to go by; without one the chain itself is asked."""
    from integrations.chain.client import RpcError, client_for
    from integrations.chain.models import Chain
    from ledger.errors import Refused

    step, params = turn.step, turn.params
    chain = Chain.objects.get(chain_id=params["chain_id"])
    head = _head(chain)
    try:
        now = head.number if head else client_for(chain, step.run.environment).block_number()
    except Refused as error:
        return Failed(reason=error.message)
    except RpcError:
        return Waiting(
            on=step.subject, reason="the chain's endpoints give no usable answer", until=_in(chain.block_time)
        )
    target = int(step.output.get("target", now + params["blocks"]))
    if now >= target:
        return Finished(proof=f"block {now} reached", output={"block": str(now)})
    pause = (target - now) * chain.block_time * 0.8  # blocks may come faster than they should
    reason = f"until block {target}; it is {now}"
    return Waiting(on=step.subject, reason=reason, until=_in(pause), output={"target": target})


def _until(turn: Turn) -> Result:
    """One look a block at most, and none as long as the watch has seen no new one."""
    from integrations.chain.models import Chain

    step, params = turn.step, turn.params
    check, every = params["until"], params.get("every")
    asks_http = "http" in check
    chain = Chain.objects.filter(chain_id=check["chain_id"]).first() if "chain_id" in check else None
    head = _head(chain) if chain is not None and not asks_http else None
    if head is not None and step.output.get("looked_at") == head.hash and chain is not None:
        return Waiting(on=step.subject, reason=step.reason, until=_after(head, every or chain.block_time))
    found = look(check, step.run.environment)
    if not isinstance(found, Again):
        return found
    if every is not None:
        until = timezone.now() + timedelta(seconds=every)
    elif head is not None and chain is not None:
        until = _after(head, chain.block_time)
    else:
        until = _in(HTTP_EVERY if asks_http or chain is None else chain.block_time)
    output = {**found.output, "looked_at": head.hash if head is not None and "block" in found.output else ""}
    return Waiting(on=step.subject, reason=f"not yet: {found.reason}"[:2_000], until=until, output=output)


def _head(chain: "Chain") -> "Head | None":
    """The newest block that the watch has stored, if it is fresh enough to be believed."""
    from integrations.chain.heads import newest

    head = newest(chain)
    patience = timedelta(seconds=3 * chain.block_time + 5)
    return head if head is not None and head.seen_at > timezone.now() - patience else None


def _after(head: "Head", seconds: float) -> datetime:
    """When the next block should have come, with a little time for the watch to see it."""
    return max(head.seen_at + timedelta(seconds=seconds + 0.2), _in(0))


def _in(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=min(max(seconds, SHORTEST), LONGEST))
