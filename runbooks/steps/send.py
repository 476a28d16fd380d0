"""`send`: an executor account makes one call, within the narrow role it holds; done when the chain has it."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from django.utils import timezone
from pydantic import Field, StringConstraints

from ledger.errors import Invalid, Refused
from runbooks.plans.calls import Call, resolve_call
from runbooks.steps import (
    STEPS,
    Again,
    Asked,
    Failed,
    Finished,
    Flag,
    Output,
    Params,
    Place,
    Rehearsed,
    Result,
    StepType,
    Turn,
    Uncertain,
    Waiting,
)
from work import faults

if TYPE_CHECKING:
    from integrations.chain.models import Executor
    from integrations.chain.transactions.models import Transaction
    from runbooks.rehearsals.stage import Rehearsing
    from runbooks.runs.models import StepRun

DEAD = ("refused", "dropped", "failed")
EXPLAINED_WITHIN = timedelta(seconds=10)


@STEPS.register("send")
class Send(StepType):
    """One call from an executor account, such as a keeper that may pause."""

    label = "Send a transaction"
    icon = "arrow"
    acts = True

    class Config(Call):
        executor: Annotated[str, StringConstraints(min_length=1, max_length=80)]
        private: Flag | None = Field(default=None, description="first to the chain's private endpoints alone")

    @classmethod
    def resolve(cls, asked: Asked) -> Params:
        """The account stands in the plan by its address: another key under the same label is another plan."""
        config, on = asked.config, asked.config.on
        if not isinstance(on, Place):
            raise ValueError("a value could not be filled in")
        executor = asked.context.executor(on.chain_id, config.executor)
        if executor is None:
            known = [one.label for one in asked.context.executors if one.chain_id == on.chain_id]
            there = f"there is {', '.join(sorted(known))}" if known else "there is none"
            raise ValueError(f"there is no executor {config.executor} on chain {on.chain_id}; {there}")
        call = resolve_call(config, on.chain_id, "the executor")
        return {
            "chain_id": on.chain_id,
            "executor": {"label": executor.label, "address": executor.address},
            "call": {"to": call["to"], "value": call["value"], "data": call["data"]},
            "words": call["words"],
            "private": config.private,
        }

    @classmethod
    def outputs(cls, config: Any) -> dict[str, Output]:
        return {"transaction_hash": Output("bytes32"), "block": Output("uint256")}

    @classmethod
    def begin(cls, turn: Turn) -> Result:
        """Follow the transaction that stands; make one only where there is none that could still take effect."""
        transaction = standing(turn.step)
        if transaction is None and turn.only_looks:
            return Failed(reason="nothing of it is under way; the run is rolled back, and it is not sent any more")
        return _look(transaction) if transaction is not None else _submit(turn)

    @classmethod
    def rehearse(cls, rehearsal: "Rehearsing", params: Params) -> Rehearsed:
        """Sent on the fork as the account that the plan names; gas is free there, what it sends along is not."""
        call = params["call"]
        sent = rehearsal.transact(
            params["chain_id"],
            sender=params["executor"]["address"],
            to=call["to"],
            data=bytes.fromhex(call["data"][2:]),
            value=int(call["value"]),
            what=params["words"],
        )
        if not sent.ok:
            return Rehearsed("failed", f"{params['executor']['label']} cannot do this: {sent.reason}")
        said = f"{cls.describe(params)}: {sent.gas_used:,} gas"
        return Rehearsed("passed", said, {name: str(value) for name, value in sent.output.items()})

    @classmethod
    def describe(cls, params: Params) -> str:
        return f"{params['executor']['label']} calls {params['words']}"


def transaction_of(step: "StepRun") -> "Transaction | None":
    """The newest one of this step, whichever attempt made it: a retry never makes a second one beside it."""
    from integrations.chain.transactions.models import Transaction

    mine = Transaction.objects.filter(about=step.subject, key__startswith=f"{step.subject}:")
    return mine.select_related("executor", "chain").order_by("-pk").first()


def standing(step: "StepRun") -> "Transaction | None":
    """The one that this attempt follows: its own, or an earlier attempt's that may still take effect.

    What a step did before it was asked to do it anew (`since`) is past, and nothing to follow.
    """
    found = transaction_of(step)
    if found is not None and int(found.key.rpartition(":")[2]) < step.since:
        return None
    return found if found is not None and (found.status not in DEAD or found.key == _key(step)) else None


def _key(step: "StepRun") -> str:
    """One an attempt, that is: one a decision of a person to do it anew."""
    return f"{step.subject}:{step.attempt}"


def _submit(turn: Turn) -> Result:
    """First as a question (eth_call from the executor), so that what it may not do is said and costs nothing."""
    from integrations.chain.client import RpcError
    from integrations.chain.transactions.services import submit

    step, params, call = turn.step, turn.params, turn.params["call"]
    executor = _executor(params)
    if isinstance(executor, Failed):
        return executor
    try:
        if why := _would_revert(executor, params, step.run.environment):
            return Failed(reason=f"{executor.label} cannot do this now: {why}")
        with turn.lease.commit():
            transaction = submit(
                chain=executor.chain,
                executor=executor,
                to=call["to"],
                data=call["data"],
                value=int(call["value"]),
                key=_key(step),
                subject=step.subject,
                scope=step.run.scope,
                actor=step.actor,
                environment=step.run.environment,
                private=params["private"],
            )
    except (Invalid, Refused) as error:
        return Failed(reason=f"the transaction was refused: {error.message}")
    except RpcError:
        return Again(reason="the chain's endpoints gave no usable answer")
    faults.point("send.submitted")
    return _look(transaction)


def _executor(params: Params) -> "Executor | Failed":
    """The account that the plan names, if it is still the one that was approved."""
    from integrations.chain.models import Executor

    wanted = params["executor"]
    found = Executor.objects.select_related("chain").filter(chain__chain_id=params["chain_id"], label=wanted["label"])
    executor = found.first()
    if executor is None:
        return Failed(reason=f"there is no executor {wanted['label']} any more")
    if executor.address != wanted["address"]:
        return Failed(reason=f"{executor.label} is now {executor.address}; approved was {wanted['address']}")
    return executor


def _would_revert(executor: "Executor", params: Params, environment: str) -> str:
    from governance.protocols.models import Contract
    from integrations.chain.abi import decode_revert
    from integrations.chain.client import RpcRefused, client_for

    call = params["call"]
    try:
        client = client_for(executor.chain, environment)
        client.call(call["to"], call["data"], sender=executor.address, value=int(call["value"]))
    except RpcRefused as refusal:
        if not refusal.reverted:
            raise
        target = Contract.objects.filter(chain=executor.chain, address=call["to"]).first()
        return decode_revert(refusal.data, target.abi if target else None) if refusal.data else refusal.message[:300]
    return ""


def _look(transaction: "Transaction") -> Result:
    """What the transaction's state means for the step."""
    subject = transaction.subject
    output: dict[str, Any] = {"transaction": transaction.pk}
    match transaction.status:
        case "mined" | "final":
            output |= {"transaction_hash": transaction.hash, "block": str(transaction.block_number)}
            return Finished(proof=f"mined in block {transaction.block_number}", output=output)
        case "failed" if transaction.nonce is None:
            return Failed(reason=f"nothing was sent: {transaction.reason}", output=output)
        case "failed":
            ended = transaction.mined_at or timezone.now()
            if not transaction.reason and timezone.now() < ended + EXPLAINED_WITHIN:
                until = ended + EXPLAINED_WITHIN
                return Waiting(on=subject, reason="it reverted; the chain is asked why", until=until, output=output)
            why = f": {transaction.reason}" if transaction.reason else ""
            return Failed(reason=f"the transaction reverted in block {transaction.block_number}{why}", output=output)
        case "refused":
            return Failed(reason=f"nothing was sent: {transaction.reason}", output=output)
        case "dropped":
            return Failed(reason=f"the transaction was given up: {transaction.reason}; retry sends anew", output=output)
        case "unknown":
            return _uncertain(transaction, output)
        case _:
            return Waiting(on=subject, reason=_where(transaction), output=output)


def _uncertain(transaction: "Transaction", output: dict[str, Any]) -> Result:
    """What a person may safely decide about the transaction is decided on its page; the step follows."""
    from integrations.chain.transactions.services import choices_for

    known = f"nobody can tell what became of transaction {transaction.pk} of {transaction.executor.label}"
    choices = (*choices_for(transaction), "skip", "abort")
    return Uncertain(known=f"{known}: {transaction.reason}", choices=choices, output=output)


def _where(transaction: "Transaction") -> str:
    label = transaction.executor.label
    if transaction.cancelling:
        return f"being replaced by an empty transaction of {label}"
    match transaction.status:
        case "queued":
            return f"waits for {label}"
        case "reserved" | "signed":
            return f"{label} signs it with nonce {transaction.nonce}"
        case _:
            return f"sent with nonce {transaction.nonce}; not mined yet"
