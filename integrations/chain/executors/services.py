"""Executor accounts: added, opened for one signature at a time, put out of service."""

from django.db import transaction
from eth_account import Account
from eth_account.signers.local import LocalAccount

from integrations.chain.addresses import parse_address, parse_hex
from integrations.chain.environments import LIVE, check_signing
from integrations.chain.executors.remote import RemoteSigner, SignerConfig
from integrations.chain.models import Chain, Executor
from integrations.devnet.keys import is_well_known
from integrations.sealing import seal, unseal
from ledger.errors import Invalid, Refused
from ledger.services import alarm, record


def _purpose(executor: Executor) -> str:
    """A key sealed for one world and chain opens for no other."""
    kind = "signer" if executor.signer == Executor.Signer.REMOTE else "executor"
    return f"{kind}:{executor.environment}:{executor.chain.chain_id}:{executor.address}"


def add_executor(*, chain: Chain, label: str, environment: str, actor: str, key: str | None = None) -> Executor:
    """An account to pay gas from: a new key, or one that is brought along. The key is sealed and never shown again."""
    check_signing(chain_id=chain.chain_id, kind=chain.kind, environment=environment)
    account = _account(key)
    executor = Executor(chain=chain, address=account.address, label=label, environment=environment)
    executor.keystore = seal("0x" + bytes(account.key).hex(), _purpose(executor))
    return _added(executor, actor)


def add_remote_executor(
    *, chain: Chain, label: str, environment: str, address: str, signer: SignerConfig, actor: str
) -> Executor:
    """An account whose key lies with a remote signer. Nothing is asked of the signer here; `chain check` does."""
    check_signing(chain_id=chain.chain_id, kind=chain.kind, environment=environment)
    executor = Executor(
        chain=chain,
        address=parse_address(address, "address"),
        label=label,
        environment=environment,
        signer=Executor.Signer.REMOTE,
        signer_name=signer.name,
    )
    executor.keystore = seal(signer.dump(), _purpose(executor))
    return _added(executor, actor)


@transaction.atomic
def _added(executor: Executor, actor: str) -> Executor:
    chain, address = executor.chain, executor.address
    if not executor.label or len(executor.label) > 80:
        raise Invalid("label", "An executor needs a name.", "1 to 80 characters")
    if executor.environment == LIVE and is_well_known(address):
        raise Invalid("key", "Everybody knows this key.", "a key of your own")
    if Executor.objects.filter(address=address).exclude(environment=executor.environment).exists():
        raise Invalid("key", "This account serves another world already.", "one key for live, others for exercises")
    if Executor.objects.filter(chain=chain, address=address).exists():
        raise Invalid("key", "This chain has this executor already.", "another key")
    if Executor.objects.filter(chain=chain, label=executor.label).exists():
        raise Invalid("label", "An executor of this chain is called that already.", "another name")
    executor.save()
    told = {"address": address, "chain": chain.chain_id, "environment": executor.environment, "label": executor.label}
    signer = {"signer": executor.signer_name} if executor.signer_name else {}
    record("executor.added", actor=actor, subject=executor.subject, after={**told, **signer})
    return executor


@transaction.atomic
def remove_executor(*, executor: Executor, actor: str) -> str:
    """Its key is forgotten, and so is the account if it never sent anything; otherwise its history stays."""
    executor = Executor.objects.select_for_update(of=("self",)).select_related("chain").get(pk=executor.pk)
    sent = executor.transactions.exists()
    waiting = executor.transactions.filter(status__in=("queued", "reserved", "signed", "broadcast", "unknown")).count()
    if waiting:
        noun = "transaction is" if waiting == 1 else "transactions are"
        raise Refused(f"{waiting} {noun} in flight from {executor.label}.", "wait, or decide about them first")
    for code, trouble in executor.troubles.items():
        cleared = alarm(f"executor_{code}:{executor.pk}", str(trouble["severity"]), cleared=True, title="")
        record("executor.trouble.ended", actor=actor, subject=executor.subject, after={"code": code}, alarm=cleared)
    told = {"address": executor.address, "chain": executor.chain.chain_id, "label": executor.label}
    if sent:
        Executor.objects.filter(pk=executor.pk).update(enabled=False, keystore="", troubles={})
        record("executor.retired", actor=actor, subject=executor.subject, after=told)
        return "retired"
    subject = executor.subject
    executor.delete()
    record("executor.removed", actor=actor, subject=subject, after=told)
    return "removed"


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


def _check_open(executor: Executor) -> None:
    if not executor.enabled:
        raise Refused(f"The executor {executor.label} is disabled.", code="executor-disabled")
    chain = executor.chain
    check_signing(chain_id=chain.chain_id, kind=chain.kind, environment=executor.environment)


def open_account(executor: Executor) -> LocalAccount:
    """The account, for signing. Refuses a disabled executor, one of another world, and a key that is not its own."""
    _check_open(executor)
    account: LocalAccount = Account.from_key(unseal(executor.keystore, _purpose(executor)))
    if account.address != executor.address:
        raise Refused("The sealed key is not this executor's.", code="wrong-key")
    return account


def open_signer(executor: Executor) -> RemoteSigner:
    """Its remote signer, under the same conditions."""
    _check_open(executor)
    return RemoteSigner(SignerConfig.load(unseal(executor.keystore, _purpose(executor))))
