"""Executing what was signed, and nothing else: everything is checked again first, and the outcome is read back."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from governance.plans.models import Plan
from governance.proposals.consent import to_execute
from governance.proposals.counting import enqueue_recount
from governance.proposals.ending import expired, limit_words
from governance.proposals.foresight import foresee
from governance.proposals.integrity import check_row
from governance.proposals.models import Confirmation, Proposal
from governance.proposals.signing import proved_on_chain, supersede
from governance.safes.models import Safe
from governance.safes.services import read_or_refuse, store
from governance.waivers.services import refuse_own_grant
from integrations.chain.models import Executor
from integrations.chain.transactions.services import submit
from integrations.safe.contracts import exec_transaction_data
from integrations.safe.hashes import safe_tx_hash
from integrations.safe.signatures import Signature, assemble, parse
from ledger import Invalid, Refused, alarm, record, transition
from work import Done, Fail, Lease, Outcome, Retry, Wait, faults
from work.models import Work

ACTOR = "system:governance"
# These may pass by themselves; everything else that stops an execution stays stopped.
PASSING = ("chain-unavailable", "endpoints-disagree")


@dataclass(frozen=True)
class Stop(Exception):
    """Why it is not executed. `to`: the status that the proposal gets, "" to leave it as it is."""

    code: str
    reason: str
    to: str = "failed"


@dataclass(frozen=True)
class NotYet(Exception):
    """Others come first in the Safe's queue."""

    reason: str


@dataclass(frozen=True)
class Checked:
    """What may be submitted."""

    proposal: Proposal
    executor: Executor
    data: bytes
    simulation: dict[str, Any]
    waivers: tuple[str, ...] = ()  # by which blocking findings were let pass


def run(lease: Lease) -> Outcome:
    """The work `governance.execute`: check, then hand over to the transaction manager in one transaction."""
    proposal = Proposal.objects.select_related("safe__chain", "scope", "plan").get(pk=lease.work.payload["proposal"])
    if proposal.status != "ready":
        return Done({"status": proposal.status})
    try:
        checked = check(proposal)
    except NotYet as wait:
        return Wait(reason=wait.reason)
    except Stop as stop:
        return _stopped(lease, proposal, stop)
    except Refused as error:
        if error.code in PASSING:
            return Retry(error.message)
        return _stopped(lease, proposal, Stop(error.code, error.message))
    except Invalid as error:
        return _stopped(lease, proposal, Stop("invalid", f"{error.field}: {error.message}"))
    faults.point("execute.checked")
    with lease.commit(Done({"submitted": True})):
        hand_over(checked)
    faults.point("execute.handed")
    return Done({"submitted": True})


def _stopped(lease: Lease, proposal: Proposal, stop: Stop) -> Outcome:
    faults.point("execute.stopping")
    with lease.commit():
        halt(proposal, stop)
    faults.point("execute.stopped")
    return Done({"stopped": stop.code})


def gave_up(work: Work, outcome: Outcome) -> None:
    """The work ended without a word of its own (a chain that stayed away): the proposal says so, and waits."""
    if not isinstance(outcome, Fail):
        return
    proposal = Proposal.objects.select_related("scope").get(pk=work.payload["proposal"])
    if proposal.status == "ready":
        halt(proposal, Stop("gave-up", outcome.error, ""))


def check(proposal: Proposal) -> Checked:
    """Everything that was true when it was signed must be true now. Network: not inside a transaction."""
    check_row(proposal)
    reading = read_or_refuse(proposal.safe.chain, proposal.safe.address)
    safe = store(safe=proposal.safe, reading=reading, actor=ACTOR)
    safe.chain = proposal.safe.chain
    proposal.safe = safe
    _check_nonce(proposal, safe)
    if expired(proposal):
        raise Stop("expired", limit_words(proposal), "rejected")
    signatures = _check_signatures(proposal, safe)
    executor = _executor(proposal)
    foreseen = foresee(proposal, sender=executor.address, state=reading)
    if foreseen.code:
        raise Stop(foreseen.code, foreseen.reason)
    refuse_own_grant(foreseen.waivers, [one.owner for one in signatures])
    if why := to_execute.objection(proposal):
        raise Stop("approval", why, "")
    data = exec_transaction_data(proposal.safe_tx, assemble(signatures))
    waivers = tuple(one.waiver.subject for one in foreseen.waivers if one.holds)
    return Checked(proposal, executor, data, foreseen.simulation, waivers)


def _check_nonce(proposal: Proposal, safe: Safe) -> None:
    if safe.version != proposal.version:
        raise Stop("version", f"the Safe is version {safe.version} now; this was signed for {proposal.version}")
    if proposal.nonce < safe.nonce:
        raise Stop("nonce", f"nonce {proposal.nonce} is used up; the Safe is at {safe.nonce}", "superseded")
    if proposal.nonce > safe.nonce:
        raise NotYet(f"the Safe is at nonce {safe.nonce}; this is for {proposal.nonce}")


def _check_signatures(proposal: Proposal, safe: Safe) -> list[Signature]:
    """Every signature once more: over the recomputed hash, of a present owner, confirmed by the chain where needed."""
    tx = proposal.safe_tx
    digest, good = safe_tx_hash(tx), []
    for confirmation in Confirmation.objects.filter(proposal=proposal):
        try:
            parsed = parse(bytes(confirmation.signature), digest)
        except Invalid as error:
            raise Stop("signature", f"the signature of {confirmation.owner} was altered: {error.message}") from None
        if parsed.owner != confirmation.owner:
            raise Stop("signature", f"a signature stored for {confirmation.owner} is over another hash")
        if parsed.owner in safe.owners and (not parsed.needs_chain or proved_on_chain(parsed, safe, tx)):
            good.append(parsed)
    if len(good) < safe.threshold:
        raise Stop(
            "threshold",
            f"{len(good)} of {safe.threshold} needed signatures are of present owners; more must sign",
            "signing",
        )
    return sorted(good, key=lambda one: int(one.owner, 16))[: safe.threshold]


def _executor(proposal: Proposal) -> Executor:
    """The account that pays: of the world that the proposal belongs to, never of another."""
    chain = proposal.safe.chain
    world = {"devnet": "devnet", "fork": "drill"}.get(chain.kind, "live")
    if world == "live" and proposal.plan and proposal.plan.environment != Plan.Environment.LIVE:
        raise Stop("drill-on-live-chain", f"a {proposal.plan.environment} may not execute on {chain.name}")
    executor = Executor.objects.filter(chain=chain, environment=world, enabled=True).order_by("pk").first()
    if executor is None:
        raise Stop("no-executor", f"{chain.name} has no enabled executor account to pay the gas", "")
    return executor


def hand_over(checked: Checked) -> None:
    """In the caller's transaction: from here on the transaction manager sends it once, whatever crashes."""
    proposal = checked.proposal
    sent = submit(
        chain=proposal.safe.chain,
        executor=checked.executor,
        to=proposal.safe.address,
        data=checked.data,
        key=f"proposal:{proposal.pk}",
        subject=proposal.subject,
        scope=proposal.scope,
        environment=proposal.plan.environment if proposal.plan else "",
        actor=ACTOR,
    )
    transition(
        proposal,
        "executing",
        actor=ACTOR,
        also={"transaction": sent, "stopped": None, "simulation": checked.simulation},
        after={
            "transaction": sent.subject,
            "executor": checked.executor.address,
            **({"waivers": list(checked.waivers)} if checked.waivers else {}),
        },
    )


def halt(proposal: Proposal, stop: Stop) -> None:
    """Say why, in the caller's transaction. A live emergency that stops is an alarm of its own."""
    stopped = {"code": stop.code, "reason": stop.reason}
    if stop.to == "superseded":
        supersede(proposal=proposal, chain_nonce=proposal.safe.nonce, actor=ACTOR)
    elif stop.to:
        transition(
            proposal, stop.to, actor=ACTOR, reason=stop.reason, also={"stopped": stopped}, alarm=_alarm(proposal, stop)
        )
        if stop.code == "threshold":  # so that the page says which of them no longer count
            enqueue_recount(proposal, key=f"stopped:{timezone.now().isoformat()}", actor=ACTOR)
    else:
        Proposal.objects.filter(pk=proposal.pk).update(stopped=stopped)
        record(
            "proposal.stopped",
            actor=ACTOR,
            scope=proposal.scope,
            subject=proposal.subject,
            reason=stop.reason,
            alarm=_alarm(proposal, stop),
        )


def _alarm(proposal: Proposal, stop: Stop) -> Any:
    return alarm(
        f"proposal-stopped:{proposal.pk}", "SEV2", title=f"Proposal {proposal.pk} stopped: {stop.reason}"[:200]
    )
