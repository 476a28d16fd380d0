"""Executor accounts: made, opened for one signature at a time, and kept in sight of their balance."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from eth_account import Account
from eth_account.signers.local import LocalAccount

from integrations.chain.addresses import parse_hex
from integrations.chain.client import Client, RpcError
from integrations.chain.environments import LIVE, check_signing
from integrations.chain.models import Chain, Executor
from integrations.devnet.keys import is_well_known
from integrations.sealing import seal, unseal
from ledger.errors import Invalid, Refused
from ledger.services import alarm, record


def _purpose(executor: Executor) -> str:
    """A key sealed for one world and chain opens for no other."""
    return f"executor:{executor.environment}:{executor.chain.chain_id}:{executor.address}"


@transaction.atomic
def add_executor(*, chain: Chain, label: str, environment: str, actor: str, key: str | None = None) -> Executor:
    """An account to pay gas from: a new key, or one that is brought along. The key is sealed and never shown again."""
    check_signing(chain_id=chain.chain_id, kind=chain.kind, environment=environment)
    account = _account(key)
    if environment == LIVE and is_well_known(account.address):
        raise Invalid("key", "Everybody knows this key.", "a key of your own")
    if Executor.objects.filter(address=account.address).exclude(environment=environment).exists():
        raise Invalid("key", "This account serves another world already.", "one key for live, others for exercises")
    if Executor.objects.filter(chain=chain, address=account.address).exists():
        raise Invalid("key", "This chain has this executor already.", "another key")
    if Executor.objects.filter(chain=chain, label=label).exists():
        raise Invalid("label", "An executor of this chain is called that already.", "another name")
    executor = Executor(chain=chain, address=account.address, label=label, environment=environment)
    executor.keystore = seal("0x" + bytes(account.key).hex(), _purpose(executor))
    executor.save()
    record(
        "executor.added",
        actor=actor,
        subject=executor.subject,
        after={"address": executor.address, "chain": chain.chain_id, "environment": environment, "label": label},
    )
    return executor


def _account(key: str | None) -> LocalAccount:
    if key is None:
        fresh: LocalAccount = Account.create()
        return fresh
    raw = parse_hex(key, "key")
    try:
        account: LocalAccount = Account.from_key(raw)
    except Exception:  # eth_account raises several kinds, some of which quote the key: none of it may travel on
        raise Invalid("key", "This is not a private key.", "0x followed by 64 hexadecimal digits") from None
    return account


def open_account(executor: Executor) -> LocalAccount:
    """The account, for signing. Refuses a disabled executor, one of another world, and a key that is not its own."""
    if not executor.enabled:
        raise Refused(f"The executor {executor.label} is disabled.", code="executor-disabled")
    chain = executor.chain
    check_signing(chain_id=chain.chain_id, kind=chain.kind, environment=executor.environment)
    account: LocalAccount = Account.from_key(unseal(executor.keystore, _purpose(executor)))
    if account.address != executor.address:
        raise Refused("The sealed key is not this executor's.", code="wrong-key")
    return account


def look_at(client: Client, executors: Iterable[Executor]) -> None:
    """Reads balances and nonces (network), then notes them; one that runs low raises an alarm once."""
    for executor in executors:
        try:
            balance, nonce = client.balance(executor.address), client.nonce(executor.address)
        except RpcError:
            continue
        with transaction.atomic():
            note_balance(executor, balance, nonce)


def note_balance(executor: Executor, balance: int, nonce: int | None = None) -> None:
    """Remembers what was read; inside a transaction."""
    low = balance < executor.low_balance
    changed = Executor.objects.filter(pk=executor.pk).exclude(balance_low=low).update(balance_low=low)
    seen = {"balance": balance, "checked_at": timezone.now()}
    Executor.objects.filter(pk=executor.pk).update(**seen if nonce is None else {**seen, "chain_nonce": nonce})
    executor.balance, executor.balance_low = balance, low
    if changed:
        record(
            "executor.balance.low" if low else "executor.balance.restored",
            actor="system:chain",
            subject=executor.subject,
            after={"address": executor.address, "balance": str(balance), "wanted": str(executor.low_balance)},
            alarm=alarm(
                f"executor_balance:{executor.pk}",
                "SEV3",
                cleared=not low,
                title=f"Executor {executor.label} is running out of {executor.chain.currency}",
            ),
        )
