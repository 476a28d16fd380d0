"""`check`: read contracts and compare, or ask whether a price feed is fresh. Reads only; nothing on the chain moves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from integrations.chain.abi import decode_output, encode_call, find_function
from ledger.errors import Invalid
from runbooks.playbooks.durations import Duration, spell
from runbooks.playbooks.expressions import ExpressionError, as_text, evaluate, names_in
from runbooks.steps import (
    STEPS,
    Again,
    Asked,
    Failed,
    Finished,
    Params,
    Place,
    Result,
    StepConfig,
    StepType,
    Template,
    Turn,
)

if TYPE_CHECKING:
    from integrations.chain.client import Client


ROUND = (
    "latestRoundData() view returns (uint80 round, int256 answer, uint256 started, uint256 updated, uint80 answered)"
)


def _known_function(text: str) -> str:
    try:
        function = find_function(text)
    except Invalid as error:
        raise ValueError(f"{error.message} Write for example `paused() returns (bool)`") from None
    if not function.outputs:
        raise ValueError("say what it answers, for example `paused() returns (bool)`")
    return text


Function = Annotated[str, AfterValidator(_known_function)]


class Read(StepConfig):
    """One call without side effects. Its answer is called by the name it stands under."""

    on: Template | Place
    call: Function
    args: list[Any] = Field(default_factory=list, max_length=20)


@STEPS.register("check")
class Check(StepType):
    """Read contracts at one block and compare, or ask whether a price feed is stale or fresh."""

    label = "Check"
    icon = "eye"

    class Config(StepConfig):
        """Either `reads` with `that`, or `feed` with `is`."""

        reads: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")], Read] = Field(default_factory=dict)
        that: str = Field(default="", max_length=500)
        feed: Template | Place | None = None
        is_: Literal["stale", "fresh"] | None = Field(default=None, alias="is")
        heartbeat: Duration | Template | None = None

        @model_validator(mode="after")
        def _one(self) -> "Check.Config":
            if (self.feed is None) == (not self.reads):
                raise ValueError("write either `feed` with `is: stale`, or `reads` with `that: paused == true`")
            if self.feed is not None and (self.is_ is None or self.heartbeat is None or self.that):
                raise ValueError("a feed check is `feed`, `is: stale` or `is: fresh`, and `heartbeat: 1h`")
            if self.reads:
                self._reads_fit()
            return self

        def _reads_fit(self) -> None:
            if not self.that:
                raise ValueError("`that` is missing: the condition over the reads, such as `paused == true`")
            try:
                used = {name.split(".")[0] for name in names_in(self.that)}
            except ExpressionError as error:
                raise ValueError(f"`that`: {error}") from None
            unknown = sorted(used - set(self.reads))
            if unknown:
                raise ValueError(f"`that` uses {', '.join(unknown)}; the reads are {', '.join(self.reads)}")

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        config = asked.config
        if config.feed is not None:
            return {
                "chain_id": config.feed.chain_id,
                "feed": {"address": config.feed.address, "name": config.feed.name},
                "is": config.is_,
                "heartbeat": config.heartbeat,
            }
        chains = {read.on.chain_id for read in config.reads.values()}
        if len(chains) != 1:
            raise ValueError("all reads of one check must be on one chain")
        reads = [_resolve_read(name, read) for name, read in sorted(config.reads.items())]
        return {"chain_id": chains.pop(), "reads": reads, "that": config.that}

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        from integrations.chain.client import RpcError, client_for
        from integrations.chain.models import Chain

        params = turn.params
        client = client_for(Chain.objects.get(chain_id=params["chain_id"]), turn.step.run.environment)
        try:
            return _feed(client, params) if "feed" in params else _reads(client, params)
        except RpcError:
            return Again(reason="the chain's endpoints gave no usable answer")

    @classmethod
    def describe(cls, params: Params) -> str:
        if "feed" in params:
            return f"{params['feed']['name']} is {params['is']} (heartbeat {spell(params['heartbeat'])})"
        return str(params["that"])


def _resolve_read(name: str, read: Read) -> dict[str, Any]:
    assert isinstance(read.on, Place)
    try:
        data = encode_call(read.call, "", read.args)
    except Invalid as error:
        raise ValueError(f"{read.call}: {error.message}") from None
    return {
        "name": name,
        "to": read.on.address,
        "contract": read.on.name,
        "call": read.call,
        "data": "0x" + data.hex(),
    }


def _reads(client: "Client", params: Params) -> Result:
    """All reads at one block, then the condition; the proof names the values and the block."""
    block = client.existing_block("latest")
    names: dict[str, Any] = {}
    for read in params["reads"]:
        try:
            values = decode_output(read["call"], "", client.call(read["to"], read["data"], block.number))
        except Invalid:
            return Failed(reason=f"{read['contract']} did not answer {read['call']}; is it the right contract?")
        outputs = find_function(read["call"]).outputs
        record = {
            output.name or f"value{i}": value for i, (output, value) in enumerate(zip(outputs, values, strict=True))
        }
        names[read["name"]] = values[0] if len(values) == 1 else record
    said = ", ".join(f"{name} is {_spell(value)}" for name, value in names.items()) + f" at block {block.number}"
    output = {"block": block.number, "block_hash": block.hash, "values": {n: _spell(v) for n, v in names.items()}}
    try:
        holds = evaluate(params["that"], names)
    except ExpressionError as error:
        return Failed(reason=f"{params['that']}: {error}", output=output)
    if holds is True:
        return Finished(proof=said, output=output)
    return Again(reason=f"{said}; wanted: {params['that']}", output=output)


def _feed(client: "Client", params: Params) -> Result:
    block = client.existing_block("latest")
    data = client.call(params["feed"]["address"], encode_call(ROUND, "", ()), block.number)
    try:
        round_id, answer, _, updated, _ = decode_output(ROUND, "", data)
    except Invalid:
        return Failed(reason=f"{params['feed']['name']} did not answer like a price feed")
    age = max(block.timestamp - int(updated), 0)
    stale = age > params["heartbeat"] or int(answer) <= 0
    said = f"last answer {spell(age)} old at block {block.number}, heartbeat {spell(params['heartbeat'])}"
    output = {
        "block": block.number,
        "block_hash": block.hash,
        "age": age,
        "round": str(round_id),
        "answer": str(answer),
    }
    if stale == (params["is"] == "stale"):
        return Finished(proof=said, output=output)
    return Again(reason=f"{params['feed']['name']} is {'stale' if stale else 'fresh'}: {said}", output=output)


def _spell(value: Any) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{name} {_spell(item)}" for name, item in value.items()) + ")"
    return as_text(value) if isinstance(value, (bool, int, str)) else str(value)
