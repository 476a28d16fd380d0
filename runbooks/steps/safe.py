"""`safe`: propose calls to a Safe, wait for its owners, and go on when the transaction is executed on the chain."""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from ledger.errors import Invalid, Refused
from runbooks.plans.calls import Call, resolve_call
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
    Uncertain,
    Waiting,
)

if TYPE_CHECKING:
    from governance.proposals.models import Proposal
    from runbooks.rehearsals.stage import Rehearsing


@STEPS.register("safe")
class SafeStep(StepType):
    """Propose calls to a Safe; done when the chain has executed them."""

    label = "Safe transaction"
    icon = "safe"
    acts = True

    class Config(StepConfig):
        safe: Template | Place
        calls: list[Call] = Field(min_length=1, max_length=20)
        title: str = Field(min_length=3, max_length=120)
        description: str = Field(default="", max_length=2_000)

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        """`safe` and `calls` have the form that governance checks every proposal of this plan against."""
        config = asked.config
        calls = [resolve_call(call, config.safe.chain_id, "the Safe") for call in config.calls]
        return {
            "safe": {"chain_id": config.safe.chain_id, "address": config.safe.address},
            "safe_name": config.safe.name,
            "calls": [{"to": call["to"], "value": call["value"], "data": call["data"]} for call in calls],
            "words": [call["words"] for call in calls],
            "title": config.title,
            "description": config.description,
        }

    @classmethod
    def outputs(cls, config: Any) -> dict[str, Output]:
        return {"transaction_hash": Output("bytes32"), "block": Output("uint256")}

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        """Propose once: (plan, step) is unique among living proposals, so a second begin adopts the first's."""
        from governance.proposals.services import of_step, propose
        from governance.safes.models import Safe
        from integrations.chain.client import RpcError

        step, params = turn.step, turn.params
        if turn.only_looks:
            found = of_step(step.run.plan, step.step_id)
            gone = "nothing of it is under way; the run is rolled back, and it is not proposed any more"
            return _look(found) if found is not None else Failed(reason=gone)
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
        if proposal.status == "executed" and step.since > 1:  # a plan proposes a step once: say it, rather than nothing
            done = f"{proposal.subject.replace(':', ' ')} did this before the run went on, and is not proposed again"
            return Failed(reason=f"{done}: if it is needed once more, propose it by hand; then skip this step")
        return _look(proposal)

    @classmethod
    def resume(cls, turn: Turn) -> Result:
        """Follow the proposal this attempt made; a dead one is told, never replaced by itself."""
        from governance.proposals.models import Proposal

        number = turn.step.waiting_for.removeprefix("proposal:")
        proposal = Proposal.objects.filter(pk=number).first() if number.isdigit() else None
        return _look(proposal) if proposal else cls.begin(turn)

    @classmethod
    def rehearse(cls, rehearsal: "Rehearsing", params: Params) -> Rehearsed:
        from runbooks.rehearsals.safes import execute

        return execute(rehearsal, params["safe"], params["calls"], params["safe_name"])

    @classmethod
    def describe(cls, params: Params) -> str:
        return f"{params['safe_name']} calls " + ", ".join(params["words"])


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
            output |= {key: str(outcome[key]) for key in ("transaction_hash", "block") if key in outcome}
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
        case "ready" if proposal.stopped:
            return Waiting(on=name, reason=f"fully signed, but stopped: {proposal.stopped['reason']}", output=output)
        case "ready":
            ahead = proposal.nonce > proposal.safe.nonce
            queued = f"it is for nonce {proposal.nonce}, the Safe is at {proposal.safe.nonce}: earlier ones come first"
            return Waiting(
                on=name, reason=f"fully signed; {queued if ahead else 'about to be executed'}", output=output
            )
        case _:
            return Waiting(on=name, reason="waiting for signatures", output=output)
