"""`safe`: propose calls to a Safe, wait for its owners, and go on when the transaction is executed on the chain."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from integrations.chain.abi import encode_call, find_function
from ledger.errors import Invalid, Refused
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
    Uncertain,
    Waiting,
)

if TYPE_CHECKING:
    from governance.proposals.models import Proposal


def _known_function(text: str) -> str:
    try:
        find_function(text)
    except Invalid as error:
        raise ValueError(f"{error.message} Write for example `pause()`") from None
    return text


class Call(StepConfig):
    """One call that the Safe will make."""

    on: Template | Place
    call: Annotated[str, AfterValidator(_known_function)]
    args: list[Any] = Field(default_factory=list, max_length=20)
    value: int | Template = 0


@STEPS.register("safe")
class SafeStep(StepType):
    """Propose calls to a Safe; done when the chain has executed them."""

    label = "Safe transaction"
    icon = "safe"

    class Config(StepConfig):
        safe: Template | Place
        calls: list[Call] = Field(min_length=1, max_length=20)
        title: str = Field(min_length=3, max_length=120)
        description: str = Field(default="", max_length=2_000)

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        """`safe` and `calls` have the form that governance checks every proposal of this plan against."""
        config = asked.config
        calls = [_resolve_call(call, config.safe.chain_id) for call in config.calls]
        return {
            "safe": {"chain_id": config.safe.chain_id, "address": config.safe.address},
            "safe_name": config.safe.name,
            "calls": [{"to": call["to"], "value": call["value"], "data": call["data"]} for call in calls],
            "words": [call["words"] for call in calls],
            "title": config.title,
            "description": config.description,
        }

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        """Propose once: (plan, step) is unique among living proposals, so a second begin adopts the first's."""
        from governance.proposals.services import propose
        from governance.safes.models import Safe
        from integrations.chain.client import RpcError

        step, params = turn.step, turn.params
        where = params["safe"]
        safe = Safe.objects.filter(chain__chain_id=where["chain_id"], address=where["address"]).first()
        if safe is None:
            return Failed(reason=f"{params['safe_name']} is no longer registered")
        turn.lease.check()
        try:
            proposal = propose(
                safe=safe,
                calls=params["calls"],
                title=params["title"],
                description=params["description"],
                scope=step.run.scope,
                actor=step.actor,
                plan=step.run.plan,
                step_id=step.step_id,
            )
        except (Invalid, Refused) as error:
            return Failed(reason=f"the proposal was refused: {error.message}")
        except RpcError:
            return Again(reason="the chain's endpoints gave no usable answer")
        return _look(proposal)

    @classmethod
    def resume(cls, turn: Turn) -> Result:
        """Follow the proposal this attempt made; a dead one is told, never replaced by itself."""
        from governance.proposals.models import Proposal

        number = turn.step.waiting_for.removeprefix("proposal:")
        proposal = Proposal.objects.filter(pk=number).first() if number.isdigit() else None
        return _look(proposal) if proposal else cls.begin(turn)

    @classmethod
    def describe(cls, params: Params) -> str:
        return f"{params['safe_name']} calls " + ", ".join(params["words"])


def _resolve_call(call: Call, chain_id: int) -> dict[str, Any]:
    if not isinstance(call.on, Place) or isinstance(call.value, str):
        raise ValueError("a value could not be filled in")
    if call.on.chain_id != chain_id:
        raise ValueError(f"{call.on.name} is on chain {call.on.chain_id}, the Safe on chain {chain_id}")
    if call.value < 0:
        raise ValueError("a value cannot be negative")
    try:
        data = encode_call(call.call, "", call.args)
    except Invalid as error:
        raise ValueError(f"{call.call}: {error.message}") from None
    name = find_function(call.call).name
    words = f"{call.on.name}.{name}({', '.join(str(argument) for argument in call.args)})"
    return {"to": call.on.address, "value": str(call.value), "data": "0x" + data.hex(), "words": words}


def _choices(proposal: "Proposal") -> tuple[str, ...]:
    """What a person may safely decide about the transaction, then what about the step."""
    from integrations.chain.transactions.services import choices_for

    sent = proposal.transaction
    return (*(choices_for(sent) if sent else ()), "skip", "abort")


def _look(proposal: "Proposal") -> Result:
    """What the proposal's state means for the step."""
    name, output = proposal.subject, {"proposal": proposal.pk, "safe_tx_hash": proposal.safe_tx_hash}
    match proposal.status:
        case "executed":
            outcome = proposal.outcome or {}
            output |= {key: outcome[key] for key in ("transaction_hash", "block") if key in outcome}
            return Finished(proof=f"executed in block {outcome.get('block', 'unknown')}", output=output)
        case "rejected":
            return Failed(reason="the proposal was rejected; retry proposes it anew", output=output)
        case "superseded":
            return Failed(reason="another transaction took the proposal's nonce; retry proposes it anew", output=output)
        case "failed":
            why = (proposal.stopped or {}).get("reason", "")
            return Failed(reason=f"the Safe transaction failed{': ' + why if why else ''}", output=output)
        case "unknown":
            why = (proposal.stopped or {}).get("reason", "")
            known = f"nobody can tell what became of its transaction{': ' + why if why else ''}"
            return Uncertain(known=known, choices=_choices(proposal), output=output)
        case "executing":
            return Waiting(on=name, reason="being executed", output=output)
        case "ready":
            ahead = proposal.nonce > proposal.safe.nonce
            queued = f"it is for nonce {proposal.nonce}, the Safe is at {proposal.safe.nonce}: earlier ones come first"
            return Waiting(
                on=name, reason=f"fully signed; {queued if ahead else 'about to be executed'}", output=output
            )
        case _:
            return Waiting(on=name, reason="waiting for signatures", output=output)
