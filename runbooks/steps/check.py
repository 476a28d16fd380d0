"""`check`: read contracts, a price feed or an HTTP API, and compare. Reads only; nothing moves."""

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from integrations.chain.abi import decode_output, decode_revert, encode_call, find_function
from integrations.chain.abi_types import Param, to_json
from integrations.expressions import CONSTANTS, ExpressionError, as_text, evaluate
from ledger.errors import Invalid
from runbooks.plans.calls import Arguments, encoded
from runbooks.plans.requests import HOUSE_NAMES, NAME, Request, cannot_be_sent, fetched, must_go
from runbooks.playbooks.durations import Duration, spell
from runbooks.playbooks.kinds import FILLED, OF_OUTPUT, Kind, must_make_sense
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
)

if TYPE_CHECKING:
    from integrations.chain.client import Client
    from integrations.chain.reading import Block
    from runbooks.rehearsals.stage import Rehearsing


ROUND = (
    "latestRoundData() view returns (uint80 round, int256 answer, uint256 started, uint256 updated, uint80 answered)"
)
RESERVED = (*HOUSE_NAMES, "block", "block_hash", "invariants", "looked_at")
UNFILLED = re.compile("\\$\\{\\{.*?\\}\\}|\ue000[^\ue000\ue001]*\ue001", re.DOTALL)
LONGEST_TEXT = 500


def _known_function(text: str) -> str:
    try:
        function = find_function(text)
    except Invalid as error:
        raise ValueError(f"{error.message} Write for example `paused() returns (bool)`") from None
    if not function.outputs:
        raise ValueError("say what it answers, for example `paused() returns (bool)`")
    return text


Function = Annotated[str, AfterValidator(_known_function)]
Condition = Annotated[str, Field(min_length=1, max_length=500)]


class Read(StepConfig):
    """One call without side effects. Its answer is called by the name it stands under."""

    on: Template | Place
    call: Function
    args: Arguments = Field(default_factory=list)

    def outputs(self, name: str) -> Iterator[tuple[str, Output]]:
        """What later steps may name: the value, or `<name>_<part>` for each part of a record."""
        results = find_function(self.call).outputs
        for position, result in enumerate(results):
            kind = _output_of(result)
            if kind is not None:
                yield (name if len(results) == 1 else f"{name}_{_part(result, position)}"), kind


def _part(result: Param, position: int) -> str:
    return result.name.lower() or f"value{position}"


def _output_of(result: Param) -> Output | None:
    """The type in which a plan carries an ABI's value; None for arrays, tuples and odd sizes of bytes."""
    number = re.fullmatch(r"(u?)int(\d+)", result.type)
    if number:
        bits = int(number[2])
        if number[1]:
            return Output("uint256", minimum=0, maximum=2**bits - 1)
        return Output("int256", minimum=-(2 ** (bits - 1)), maximum=2 ** (bits - 1) - 1)
    match result.type:
        case "address" | "bool" | "bytes32":
            return Output(result.type)
        case "string":
            return Output("text", max_length=LONGEST_TEXT)
        case _:
            return None


def _member(result: Param, position: int) -> str:
    """How conditions name a part of a record."""
    return result.name or f"value{position}"


def _kind(result: Param) -> Kind:
    output = _output_of(result)
    if output is None:
        return "text" if re.fullmatch(r"bytes\d*", result.type) else "any"
    return OF_OUTPUT.get(output.type, "text")


@STEPS.register("check")
class Check(StepType):
    """Read contracts at one block, or an HTTP API, and compare; or ask whether a price feed is stale or fresh."""

    label = "Check"
    icon = "eye"
    secret_fields = ("http",)

    class Config(StepConfig):
        """`reads`, `http` or both, with `that` or named `invariants`; or `feed` with `is`."""

        reads: dict[Annotated[str, Field(pattern=NAME)], Read] = Field(default_factory=dict, max_length=50)
        http: Request | None = None
        that: str = Field(default="", max_length=500)
        invariants: dict[Annotated[str, Field(pattern=NAME)], Condition] = Field(default_factory=dict, max_length=50)
        feed: Template | Place | None = None
        is_: Literal["stale", "fresh"] | None = Field(default=None, alias="is")
        heartbeat: Duration | Template | None = None

        @model_validator(mode="after")
        def _one(self) -> "Check.Config":
            reading = bool(self.reads) or self.http is not None
            if (self.feed is None) != reading:
                raise ValueError("write either `feed` with `is: stale`, or `reads` with `that: paused == true`")
            if self.feed is not None and (self.is_ is None or self.heartbeat is None or self.conditions):
                raise ValueError("a feed check is `feed`, `is: stale` or `is: fresh`, and `heartbeat: 1h`")
            if reading:
                self._reads_fit()
            return self

        @property
        def conditions(self) -> dict[str, str]:
            return {**({"that": self.that} if self.that else {}), **self.invariants}

        @property
        def names(self) -> list[str]:
            return [*self.reads, *(["code", *self.http.extract] if self.http else [])]

        def _reads_fit(self) -> None:
            if not self.conditions and (self.http is None or self.reads):
                raise ValueError("`that` is missing: the condition over the reads, such as `paused == true`")
            names = self.names
            taken = sorted((set(names) & set(RESERVED)) - {"code"}) or sorted(n for n in names if names.count(n) > 1)
            taken = taken or sorted(name for name in names if keyword.iskeyword(name) or name in CONSTANTS)
            if taken:
                raise ValueError(f"`{taken[0]}` cannot be the name of a value here; use another one")
            for where, condition in self.conditions.items():
                try:
                    must_make_sense(where, UNFILLED.sub(FILLED, condition), self._kinds())
                except ExpressionError as error:
                    raise ValueError(f"`{where}`: {error}") from None

        def _kinds(self) -> dict[str, Kind]:
            """What conditions can name, with its parts where it is a record."""
            found: dict[str, Kind] = {"code": "number"} if self.http else {}
            for name, read in self.reads.items():
                results = find_function(read.call).outputs
                kinds = {_member(result, position): _kind(result) for position, result in enumerate(results)}
                parts = {f"{name}.{part}": kind for part, kind in kinds.items()}
                found |= {name: "record", **parts} if len(results) > 1 else {name: _kind(results[0])}
            extracted = self.http.extract if self.http else {}
            return found | {name: OF_OUTPUT.get(one.type, "text") for name, one in extracted.items()}

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
        params: Params = {"that": config.that}
        if config.invariants:
            params["invariants"] = dict(sorted(config.invariants.items()))
        if config.http is not None:
            params["http"] = config.http.resolved()
            must_go(params["http"], asked.context.secrets)
        if config.reads:
            chains = {read.on.chain_id for read in config.reads.values()}
            if len(chains) != 1:
                raise ValueError("all reads of one check must be on one chain")
            params["chain_id"] = chains.pop()
            params["reads"] = [_resolve_read(name, read) for name, read in sorted(config.reads.items())]
        return params

    @classmethod
    def outputs(cls, config: Any) -> dict[str, Output]:
        if config.feed is not None:
            numbers = {"age": Output("uint256"), "round": Output("uint256"), "block": Output("uint256")}
            return {"answer": Output("int256"), **numbers}
        found = {"block": Output("uint256")} if config.reads else {}
        for name, read in config.reads.items():
            found |= dict(read.outputs(name))
        return found | (config.http.outputs() if config.http else {})

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        return look(turn.params, turn.step.run.environment)

    @classmethod
    def rehearse(cls, rehearsal: "Rehearsing", params: Params) -> Rehearsed:
        if "http" in params:
            wrong = cannot_be_sent(params["http"])
            said = f"nothing was asked: it would be a GET to {params['http']['url']}"
            return Rehearsed("failed", wrong) if wrong else Rehearsed("outside", said)
        client = rehearsal.client(params["chain_id"])
        result = _feed(client, params) if "feed" in params else _compare(params, _read(client, params))
        if isinstance(result, Finished):
            return Rehearsed("passed", result.proof, result.output)
        return Rehearsed("failed", getattr(result, "reason", ""), result.output)

    @classmethod
    def describe(cls, params: Params) -> str:
        if "feed" in params:
            return f"{params['feed']['name']} is {params['is']} (heartbeat {spell(params['heartbeat'])})"
        conditions = [text for text in (params["that"], *params.get("invariants", {}).values()) if text]
        return "; ".join(conditions) or f"GET {params['http']['url']}"


def look(params: Params, environment: str) -> Result:
    """Evaluate a resolved check: the step itself, and the conditions that hold before or after other steps."""
    from integrations.chain.client import Disagreement, RpcError, client_for
    from integrations.chain.models import Chain
    from ledger.errors import Refused

    try:
        seen = _Seen()
        if "http" in params:
            answer = fetched(params["http"])
            if not isinstance(answer, Mapping):
                return answer
            seen = seen.with_answer(params["http"], answer)
        if "chain_id" not in params:
            return _compare(params, seen)
        client = client_for(Chain.objects.get(chain_id=params["chain_id"]), environment)
        return _feed(client, params) if "feed" in params else _compare(params, _read(client, params, seen))
    except Chain.DoesNotExist:
        return Failed(reason=f"chain {params['chain_id']} is not set up here")
    except Refused as error:
        return Failed(reason=error.message)
    except _Odd as error:
        return Failed(reason=str(error))
    except Disagreement as error:
        return Again(reason=f"the chain's endpoints disagree: {error}"[:500])
    except RpcError as error:
        return Again(reason=f"the chain's endpoints gave no usable answer: {error}"[:500])


class _Odd(Exception):
    """A contract answered in another shape than the playbook says: looking again does not help."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was read: values as conditions see them and as plans carry them, in words, and where."""

    names: Mapping[str, Any] = field(default_factory=dict)
    typed: Mapping[str, str | bool] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    reverted: tuple[str, ...] = ()
    block: "Block | None" = None

    @property
    def said(self) -> str:
        where = f" at block {self.block.number}" if self.block else ""
        return ", ".join(self.words) + where

    @property
    def output(self) -> dict[str, Any]:
        where = {"block": str(self.block.number), "block_hash": self.block.hash} if self.block else {}
        return {**where, "values": {name: _spell(value) for name, value in self.names.items()}, **self.typed}

    def with_answer(self, spec: Params, answer: Mapping[str, str | bool]) -> "_Seen":
        """The values of an HTTP answer; whole numbers become numbers again."""
        kinds = {"code": "uint256", **{name: one["type"] for name, one in spec["extract"].items()}}
        names = {name: int(value) if kinds[name] in ("uint256", "int256") else value for name, value in answer.items()}
        words = tuple(f"{name} is {_spell(value)}" for name, value in names.items())
        return _Seen({**self.names, **names}, {**self.typed, **answer}, self.words + words)


def _resolve_read(name: str, read: Read) -> dict[str, Any]:
    assert isinstance(read.on, Place)
    return {
        "name": name,
        "to": read.on.address,
        "contract": read.on.name,
        "call": read.call,
        "data": encoded(read.call, read.args),
    }


def _read(client: "Client", params: Params, before: _Seen | None = None) -> _Seen:
    """All reads at one block; where there are several endpoints, two must give the same answer."""
    before = before or _Seen()
    block = client.common_block()
    names, typed = dict(before.names), dict(before.typed)
    words, reverted = list(before.words), []
    for read in params["reads"]:
        found = _ask(client, read, block)
        if isinstance(found, str):
            reverted.append(read["name"])
            words.append(f"{read['name']} reverted ({found})")
            continue
        names[read["name"]], parts = found
        typed |= parts
        words.append(f"{read['name']} is {_spell(names[read['name']])}")
    return _Seen(names, typed, tuple(words), tuple(reverted), block)


def _ask(client: "Client", read: Params, block: "Block") -> str | tuple[Any, dict[str, str | bool]]:
    """The value and its typed parts, or why the call reverted."""
    from integrations.chain.client import RpcRefused

    results = find_function(read["call"]).outputs
    try:
        raw = client.agreed(lambda one: one.call(read["to"], read["data"], block.number))
        values = decode_output(read["call"], "", raw)
    except RpcRefused as refusal:
        if not refusal.reverted:
            raise
        return decode_revert(refusal.data) if refusal.data else refusal.message[:200]
    except Invalid:
        raise _Odd(f"{read['contract']} did not answer {read['call']}; is it the right contract?") from None
    values = tuple("0x" + value.hex() if isinstance(value, bytes) else value for value in values)  # as people write it
    named = {_member(result, i): value for i, (result, value) in enumerate(zip(results, values, strict=True))}
    typed: dict[str, str | bool] = {}
    for position, (result, value) in enumerate(zip(results, values, strict=True)):
        kind = _output_of(result)
        if kind is not None and not (kind.type == "text" and len(value) > LONGEST_TEXT):
            name = read["name"] if len(results) == 1 else f"{read['name']}_{_part(result, position)}"
            typed[name] = to_json(value)
    return (values[0] if len(values) == 1 else named), typed


def _compare(params: Params, seen: _Seen) -> Result:
    """Every condition is evaluated, and all of them are told, with every value."""
    conditions = {**({"that": params["that"]} if params["that"] else {}), **params.get("invariants", {})}
    found = [_evaluated(name, text, seen) for name, text in conditions.items()]
    output = {**seen.output, "invariants": found} if params.get("invariants") else seen.output
    broken = [one for one in found if one["holds"] is not True]
    if not broken:
        kept = [name for name in conditions if name != "that"]
        proof = f"{', '.join(kept)} {'holds' if len(kept) == 1 else 'hold'}: {seen.said}" if kept else seen.said
        return Finished(proof=proof[:2_000], output=output)
    named = [one["that"] if one["name"] == "that" else f"{one['name']} ({one['that']})" for one in broken]
    wrong = [f"{one['that']}: {one['why']}" for one in broken if one["why"]]
    if wrong and not seen.reverted:
        return Failed(reason="; ".join(wrong)[:2_000], output=output)
    return Again(reason=f"{seen.said}; wanted: {'; '.join(named)}"[:2_000], output=output)


def _evaluated(name: str, text: str, seen: _Seen) -> dict[str, Any]:
    """`holds` is None where it cannot be told, and `why` says so."""
    try:
        holds, why = evaluate(text, seen.names), ""
        if not isinstance(holds, bool):
            holds, why = None, "it is neither true nor false"
    except ExpressionError as error:
        holds, why = None, str(error)
    return {"name": name, "that": text, "holds": holds, "why": why}


def _feed(client: "Client", params: Params) -> Result:
    block = client.common_block()
    asked = encode_call(ROUND, "", ())
    try:
        data = client.agreed(lambda one: one.call(params["feed"]["address"], asked, block.number))
        round_id, answer, _, updated, _ = decode_output(ROUND, "", data)
    except Invalid:
        return Failed(reason=f"{params['feed']['name']} did not answer like a price feed")
    age = max(block.timestamp - int(updated), 0)
    stale = age > params["heartbeat"] or int(answer) <= 0
    said = f"last answer {spell(age)} old at block {block.number}, heartbeat {spell(params['heartbeat'])}"
    output = {
        "block": str(block.number),
        "block_hash": block.hash,
        "age": str(age),
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
