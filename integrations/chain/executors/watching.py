"""Keeps executors in sight: balance, nonces, signer. What is wrong is an event and an alarm, and so is its end."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from integrations.chain.client import Client, RpcError
from integrations.chain.executors import troubles
from integrations.chain.executors.remote import SignerDown, SignerRefused
from integrations.chain.executors.services import open_signer
from integrations.chain.executors.troubles import Trouble
from integrations.chain.models import Chain, Executor
from integrations.chain.reading import Fees
from integrations.chain.transactions.looking import executor_nonce
from integrations.chain.transactions.pricing import fees_of
from ledger.errors import Invalid, Refused
from ledger.services import alarm, record

RESERVE_GAS = 6_000_000
"""About twenty executions by a Safe."""
UNKNOWN_FEES = 5 * 10**16


@dataclass(frozen=True, slots=True)
class Seen:
    """One executor as the chain has it."""

    balance: int
    nonce: int
    pending: int | None


def see(client: Client, executor: Executor) -> Seen:
    """Network only."""
    nonce = executor_nonce(client, executor.address)
    try:
        pending = executor_nonce(client, executor.address, "pending")
    except RpcError:
        pending = None
    return Seen(client.balance(executor.address), nonce, pending)


def look_at(client: Client, executors: Iterable[Executor]) -> None:
    """Reads (network), then notes; an executor that cannot be read is left as it was."""
    for executor in executors:
        try:
            seen = see(client, executor)
        except RpcError:
            continue
        ailing = signer_trouble(executor)
        with transaction.atomic():
            note_seen(executor, seen)
            if executor.signer == Executor.Signer.REMOTE:
                troubles.note(executor, {troubles.SIGNER: ailing} if ailing else {}, (troubles.SIGNER,))


def look_at_fees(chain: Chain, client: Client) -> None:
    """What gas costs now, which decides how much an executor should hold."""
    try:
        fees = fees_of(client)
    except RpcError:
        return
    Chain.objects.filter(pk=chain.pk).update(base_fee=fees.base, tip=fees.tip)
    chain.base_fee, chain.tip = fees.base, fees.tip


def wanted_balance(executor: Executor) -> int:
    """Below this it is running low: its own limit, the chain's, or what about twenty executions cost now."""
    chain = executor.chain
    limit = executor.low_balance if executor.low_balance is not None else chain.low_balance
    if limit is not None:
        return limit
    if chain.base_fee is None:
        return UNKNOWN_FEES
    return reserve(Fees(chain.base_fee, chain.tip or 0))


def reserve(fees: Fees) -> int:
    """With room for the base fee to double."""
    return RESERVE_GAS * (2 * fees.base + fees.tip)


def note_seen(executor: Executor, seen: Seen) -> None:
    """Inside a transaction, after `seen` was read."""
    row = Executor.objects.select_for_update(of=("self",)).select_related("chain").get(pk=executor.pk)
    if row.accounted is None:
        row.accounted = troubles.first_account(row, seen.nonce)
        Executor.objects.filter(pk=row.pk).update(accounted=row.accounted)
    Executor.objects.filter(pk=row.pk).update(pending_nonce=seen.pending)
    note_balance(row, seen.balance, seen.nonce)
    troubles.note_nonces(row, seen.nonce, seen.pending)


def note_balance(executor: Executor, balance: int, nonce: int | None = None) -> None:
    """Remembers what was read; inside a transaction."""
    wanted = wanted_balance(executor)
    low = balance < wanted
    changed = Executor.objects.filter(pk=executor.pk).exclude(balance_low=low).update(balance_low=low)
    read = {"balance": balance, "checked_at": timezone.now()}
    Executor.objects.filter(pk=executor.pk).update(**read if nonce is None else {**read, "chain_nonce": nonce})
    executor.balance, executor.balance_low = balance, low
    if changed:
        record(
            "executor.balance.low" if low else "executor.balance.restored",
            actor="system:chain",
            subject=executor.subject,
            after={"address": executor.address, "balance": str(balance), "wanted": str(wanted)},
            alarm=alarm(
                f"executor_balance:{executor.pk}",
                "SEV3",
                cleared=not low,
                title=f"Executor {executor.label} is running out of {executor.chain.currency}",
            ),
        )


def signer_trouble(executor: Executor) -> Trouble | None:
    """Whether its remote signer answers and has its key (network)."""
    if executor.signer != Executor.Signer.REMOTE or not executor.enabled:
        return None
    try:
        accounts = open_signer(executor).accounts()
    except SignerRefused:
        return None  # some signers list nothing to anybody: the next transaction shows whether it signs
    except SignerDown as error:
        return Trouble(f"{executor.signer_name} {error}: nothing can be signed for this executor.", "SEV2")
    except (Refused, Invalid) as error:
        return Trouble(error.message, "SEV2")
    if executor.address not in accounts:
        return Trouble(f"{executor.signer_name} does not hold the key of this executor.", "SEV2")
    return None


@transaction.atomic
def accept_foreign(*, executor: Executor, actor: str, reason: str) -> Executor:
    """A commander knows who used the key elsewhere: those nonces are accounted for."""
    row = Executor.objects.select_for_update(of=("self",)).select_related("chain").get(pk=executor.pk)
    if troubles.FOREIGN not in row.troubles or row.chain_nonce is None:
        raise Refused("Nothing of this executor is unaccounted for.", code="nothing-foreign")
    if not reason.strip():
        raise Invalid("reason", "Say who used it, for the record.", "a sentence")
    Executor.objects.filter(pk=row.pk).update(accounted=row.chain_nonce)
    row.accounted = row.chain_nonce
    record("executor.use.accepted", actor=actor, subject=row.subject, reason=reason[:500])
    troubles.note(row, {}, (troubles.FOREIGN,))
    return row
