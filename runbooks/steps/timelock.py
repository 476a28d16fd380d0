"""`timelock`: an operation of an OpenZeppelin TimelockController: schedule, wait until it is ready, execute; or cancel.

In the plan it is three steps, `<id>.schedule`, `<id>.ready` and `<id>`, each acting through a Safe or an executor.
The operation's id is computed when the plan is compiled; each step looks it up on the timelock before it does anything,
so what others did meanwhile is seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from django.utils import timezone
from pydantic import Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from integrations.chain.abi import decode_output, encode_args, encode_call, find_function
from integrations.chain.hashing import keccak
from ledger.errors import Invalid, Refused
from runbooks.plans.calls import Call, resolve_call
from runbooks.plans.later import is_marked
from runbooks.playbooks.durations import Duration, spell
from runbooks.steps import (
    STEPS,
    Again,
    Asked,
    Failed,
    Finished,
    Flag,
    Output,
    Params,
    Part,
    Place,
    Rehearsed,
    Result,
    StepConfig,
    StepType,
    Template,
    Turn,
    Waiting,
)
from runbooks.steps.safe import SafeStep
from runbooks.steps.send import Send, standing, transaction_of

if TYPE_CHECKING:
    from integrations.chain.client import Client
    from runbooks.rehearsals.stage import Rehearsing
    from runbooks.runs.models import StepRun

ZERO = "0x" + "00" * 32
TIMESTAMP = "getTimestamp(bytes32 id) view returns (uint256 at)"
MIN_DELAY = "getMinDelay() view returns (uint256 seconds)"
CANCEL = "cancel(bytes32 id)"
ONE = "(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt"
MANY = "(address[] targets, uint256[] values, bytes[] payloads, bytes32 predecessor, bytes32 salt"
DAY = 86_400
SHORTEST, LONGEST = 1, 300

Hash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{64}$")]
Label = Annotated[str, StringConstraints(pattern="^[^$\ue000]{1,80}$")]


@STEPS.register("timelock")
class Timelock(StepType):
    """An operation of a timelock: schedule, wait until it is ready, execute; or cancel it."""

    label = "Timelock"
    icon = "lock"
    acts = True

    class Config(StepConfig):
        """`calls` with `delay`; or `cancel: true` with the same calls, or with the `operation`'s id."""

        timelock: Template | Place
        via: Template | Place | Label
        execute_via: Template | Place | Label | None = None
        calls: list[Call] = Field(default_factory=list, max_length=20)
        delay: Duration | Template | None = None
        salt: str = Field(default="", max_length=200)
        predecessor: Hash = ZERO
        cancel: Flag = False
        operation: Hash | Template | None = None
        title: str = Field(default="", max_length=120)
        part: SkipJsonSchema[Literal["", "schedule", "ready", "execute"]] = ""

        @model_validator(mode="after")
        def _fits(self) -> "Timelock.Config":
            if self.cancel:
                if bool(self.calls) == (self.operation is not None) or self.delay is not None:
                    raise ValueError("to cancel, name the `operation`, or the `calls` and the `salt` it was made of")
            elif not self.calls or self.delay is None or self.operation is not None:
                raise ValueError("an operation has `calls` and a `delay`; or write `cancel: true`")
            return self

    @classmethod
    def expand(cls, asked: Asked) -> tuple[Part, ...] | None:
        config = asked.config
        if config.part:
            raise ValueError("`part` is set when the plan is made")
        if config.cancel:
            return None
        given = config.model_dump(mode="python", exclude={"part", "delay"}, exclude_defaults=True, by_alias=True)
        same = {**given, "delay": spell(config.delay)}
        name = config.timelock.name or "the timelock"
        of = f": {config.title}" if config.title else ""
        wait = {"expect": config.delay, "timeout": config.delay + DAY}
        return (
            Part("schedule", "timelock", {**same, "part": "schedule"}, title=f"Schedule on {name}{of}"),
            Part("ready", "timelock", {**same, "part": "ready"}, title=f"Wait for {name}{of}", rules=wait),
            Part("", "timelock", {**same, "part": "execute"}),
        )

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        config = asked.config
        lock = config.timelock
        if not isinstance(lock, Place):
            raise ValueError("a value could not be filled in")
        calls = [resolve_call(call, lock.chain_id, "the timelock") for call in config.calls]
        operation = _Operation.of(calls, config.predecessor, _salt(config.salt)) if calls else None
        part = config.part or "cancel"
        params: Params = {
            "part": part,
            "chain_id": lock.chain_id,
            "timelock": {"address": lock.address, "name": lock.name},
            "operation": operation.id if operation else config.operation.lower(),
            "made_of": [call["words"] for call in calls],
            "delay": config.delay or 0,
        }
        if part == "ready":
            return params
        via = config.execute_via if part == "execute" and config.execute_via is not None else config.via
        call = _deed(part, lock, operation, params)
        title = f"{part.capitalize()}: {config.title or _what(params)}"[:120]
        return {**params, **_through(via, call, title, asked)}

    @classmethod
    def outputs(cls, config: Any) -> dict[str, Output]:
        return {"operation": Output("bytes32")}

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        """Look first: whatever is already so is told, and not done again. Then follow what this step began.

        If that failed since others were faster, it is no failure.
        """
        if not _has_begun(turn):
            return _taken(turn, lambda found: _act(turn, found))
        result = SafeStep.resume(turn) if "safe" in turn.params else Send.resume(turn)
        if not isinstance(result, Failed):
            return _with_operation(turn, result)
        return _taken(turn, lambda found: _settled(turn.params, found) or result)

    @classmethod
    def rehearse(cls, rehearsal: "Rehearsing", params: Params) -> Rehearsed:
        found = _look(rehearsal.client(params["chain_id"]), params)
        if params["part"] == "ready":
            if found.state == "waiting":
                rehearsal.pass_time(found.left + 1)
            known = found.state != "unset"
            said = f"{spell(found.left)} passed" if known else "the timelock does not know the operation"
            return Rehearsed("passed" if known else "failed", said, {"operation": params["operation"]})
        result = _settled(params, found)
        if isinstance(result, Finished):
            return Rehearsed("passed", result.proof, {"operation": params["operation"]})
        if isinstance(result, Failed):
            return Rehearsed("failed", result.reason)
        done = (SafeStep if "safe" in params else Send).rehearse(rehearsal, params)
        return Rehearsed(done.result, done.said, {**done.output, "operation": params["operation"]}, done.assumed)

    @classmethod
    def describe(cls, params: Params) -> str:
        name = params["timelock"]["name"] or "the timelock"
        if params["part"] == "ready":
            return f"{name} lets it pass after {spell(params['delay'])}"
        return f"{params['part']} on {name}: {_what(params)}"


# --- what is compiled


@dataclass(frozen=True, slots=True)
class _Operation:
    """What an operation is made of, as the timelock hashes it."""

    id: str
    form: str  # its arguments' types, without those that only scheduling has
    args: tuple[Any, ...]
    value: int

    @classmethod
    def of(cls, calls: Sequence[Mapping[str, Any]], predecessor: str, salt: str) -> "_Operation":
        if any(is_marked([call["to"], call["value"]]) or not isinstance(call["data"], str) for call in calls):
            raise ValueError("what a timelock is to do must be known when the plan is made: its id is made of it")
        values = [int(call["value"]) for call in calls]
        if len(calls) == 1:
            form, head = ONE, [calls[0]["to"], values[0], calls[0]["data"]]
        else:
            form, head = MANY, [[call["to"] for call in calls], values, [call["data"] for call in calls]]
        args = (*head, predecessor, salt)
        encoded = encode_args(find_function(f"hash{form})").inputs, args)
        return cls("0x" + keccak(encoded).hex(), form, args, sum(values))


def _salt(text: str) -> str:
    """32 bytes as they are; any other text by its hash, so that a salt can be a sentence."""
    if not text:
        return ZERO
    if is_marked(text):
        raise ValueError("the salt must be known when the plan is made")
    plain = text.lower()
    is_hash = len(plain) == 66 and plain.startswith("0x") and set(plain[2:]) <= set("0123456789abcdef")
    return plain if is_hash else "0x" + keccak(text.encode()).hex()


def _deed(part: str, lock: Place, operation: _Operation | None, params: Params) -> Call:
    """The call of the timelock that this part makes."""
    if part == "cancel" or operation is None:
        return Call(on=lock, call=CANCEL, args=[params["operation"]])
    batch = "Batch" if operation.form == MANY else ""
    args = [str(arg) if isinstance(arg, int) else arg for arg in operation.args]
    if part == "schedule":
        signature = f"schedule{batch}{operation.form}, uint256 delay)"
        return Call(on=lock, call=signature, args=[*args, str(params["delay"])])
    return Call(on=lock, call=f"execute{batch}{operation.form}) payable", args=args, value=operation.value)


def _through(via: Any, call: Call, title: str, asked: Asked) -> Params:
    """The params of the step that does it: a Safe's transaction, or an executor's."""
    if isinstance(via, Place):
        config: Any = SafeStep.Config(safe=via, calls=[call], title=title)
        return SafeStep.resolve(Asked(config=config, inputs=asked.inputs, context=asked.context))
    config = Send.Config(executor=via, **call.model_dump())
    return Send.resolve(Asked(config=config, inputs=asked.inputs, context=asked.context))


def _what(params: Params) -> str:
    return ", ".join(params["made_of"]) or f"operation {params['operation'][:10]}…"


# --- what is so on the chain


@dataclass(frozen=True, slots=True)
class _Found:
    """The operation as the timelock knows it. `left`: seconds until it is ready, by the chain's clock."""

    state: Literal["unset", "waiting", "ready", "done"]
    left: int
    min_delay: int
    block: int


def _look(client: "Client", params: Params) -> _Found:
    address, block = params["timelock"]["address"], client.common_block()

    def ask(signature: str, *args: str) -> int:
        data = encode_call(signature, "", args)
        raw = client.agreed(lambda one: one.call(address, data, block.number))
        return int(decode_output(signature, "", raw)[0])

    at, shortest = ask(TIMESTAMP, params["operation"]), ask(MIN_DELAY)
    if at in (0, 1):
        return _Found("done" if at else "unset", 0, shortest, block.number)
    left = max(at - block.timestamp, 0)
    return _Found("waiting" if left else "ready", left, shortest, block.number)


def _taken(turn: Turn, then: Any) -> Result:
    """The operation as it is now, and what follows from it."""
    from integrations.chain.client import RpcError, client_for
    from integrations.chain.models import Chain

    params = turn.params
    try:
        chain = Chain.objects.get(chain_id=params["chain_id"])
        found = _look(client_for(chain, turn.step.run.environment), params)
    except Refused as error:
        return Failed(reason=error.message)
    except Invalid:
        return Failed(reason=f"{params['timelock']['name']} does not answer like a TimelockController")
    except RpcError as error:
        return Again(reason=f"the chain's endpoints gave no usable answer: {error}"[:500])
    result: Result = then(found)
    return result


def _has_begun(turn: Turn) -> bool:
    """Whether a proposal or a transaction of this step stands already, whatever became of it."""
    from governance.proposals.services import of_step

    step, params = turn.step, turn.params
    if params["part"] == "ready":
        return False
    if step.waiting_for.startswith(("proposal:", "transaction:")):
        return True
    return of_step(step.run.plan, step.step_id) is not None if "safe" in params else standing(step) is not None


def _act(turn: Turn, found: _Found) -> Result:
    params = turn.params
    if params["part"] == "ready":
        return _ready(turn, found)
    if params["part"] == "execute" and found.state in ("unset", "waiting"):
        return _gone(turn.step) if found.state == "unset" else _wait(turn.step, found)
    settled = _settled(params, found)
    if settled is not None:
        return settled
    return _with_operation(turn, SafeStep.begin(turn) if "safe" in params else Send.begin(turn))


def _ready(turn: Turn, found: _Found) -> Result:
    output = {"operation": turn.params["operation"]}
    match found.state:
        case "ready":
            return Finished(proof=f"ready at block {found.block}", output=output)
        case "done":
            return Finished(proof="executed already, not by this run", output=output)
        case "unset":
            return _gone(turn.step)
        case _:
            return _wait(turn.step, found)


def _wait(step: "StepRun", found: _Found) -> Result:
    now = timezone.now()
    until = now + timedelta(seconds=min(max(found.left, SHORTEST), LONGEST))
    ready = now + timedelta(seconds=found.left)
    return Waiting(on=step.subject, reason=f"ready at {ready:%d %b %H:%M:%S} UTC", until=until)


def _gone(step: "StepRun") -> Result:
    """Cancelled by somebody, unless a reorg took the scheduling, which is then under way again."""
    scheduling = f"{step.step_id.removesuffix('.ready')}.schedule"
    other = step.run.steps.filter(step_id=scheduling).first()
    if other is None or (other.status in ("done", "skipped") and not _lost_its_block(step, other)):
        return Failed(reason="the timelock no longer knows the operation: somebody cancelled it")
    until = timezone.now() + timedelta(seconds=5)
    return Waiting(on=other.subject, reason="a reorg took its scheduling, which is sent again", until=until)


def _lost_its_block(step: "StepRun", scheduling: "StepRun") -> bool:
    """The step says that it is done, and has not heard yet; or we are the first to see it."""
    from integrations.chain.client import RpcError, client_for
    from runbooks.runs.flights import flights_of

    flight = flights_of(step.run, [scheduling]).get(scheduling.step_id)
    if flight is not None and flight.lives:
        return True
    transaction = transaction_of(scheduling)
    if transaction is None or not transaction.hash:
        return False
    try:
        return client_for(transaction.chain, step.run.environment).receipt(transaction.hash) is None
    except RpcError:
        return True  # nobody can say so now: asked again in a moment


def _settled(params: Params, found: _Found) -> Result | None:
    """What is so already, or stands in the way; None when it is to be done now."""
    output = {"operation": params["operation"]}
    match params["part"], found.state:
        case "schedule", "unset" if found.min_delay > params["delay"]:
            wanted = f"the timelock now wants {spell(found.min_delay)}, the plan has {spell(params['delay'])}"
            return Failed(reason=f"{wanted}: start it with a longer delay")
        case "schedule", "waiting" | "ready":
            return Finished(proof=f"scheduled already, not by this run; {spell(found.left)} left", output=output)
        case "schedule", "done":
            return Failed(reason="the same operation was executed before; give it another `salt`")
        case "execute", "done":
            return Finished(proof="executed already, not by this run", output=output)
        case "cancel", "done":
            return Failed(reason="it is too late to cancel: the operation was executed")
        case "cancel", "unset":
            return Finished(proof="nothing to cancel: the timelock does not know the operation", output=output)
        case _:
            return None


def _with_operation(turn: Turn, result: Result) -> Result:
    if isinstance(result, Finished):
        return Finished(proof=result.proof, output={**result.output, "operation": turn.params["operation"]})
    return result
