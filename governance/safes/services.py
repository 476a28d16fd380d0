"""Registering a Safe and following it on the chain."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from governance.protocols.models import Protocol
from governance.safes.models import Safe
from governance.safes.together import Together
from integrations.chain.addresses import parse_address
from integrations.chain.client import client_for
from integrations.chain.errors import Disagreement, RpcError
from integrations.chain.models import Chain
from integrations.safe.reads import SafeState, read_safe, read_safe_agreed
from ledger import Invalid, Refused, alarm, record
from ledger.text import one_line

DRIFT = {
    "owners": "safe.owners.changed",
    "threshold": "safe.threshold.changed",
    "modules": "safe.modules.changed",
    "guard": "safe.guard.changed",
    "module_guard": "safe.module_guard.changed",
    "fallback_handler": "safe.fallback_handler.changed",
    "singleton": "safe.singleton.changed",
    "version": "safe.version.changed",
    "code_hash": "safe.code.changed",
}
FIELDS = (*DRIFT, "nonce")
FRESH = timedelta(seconds=2)
READINGS = Together(FRESH.total_seconds())  # a burst of signatures asks the chain once, not once a thread
DELEGATED = bytes.fromhex("ef0100")


def read_or_refuse(chain: Chain, address: str) -> SafeState:
    """From at least two endpoints (or the only one) at one block. Network: never inside a transaction."""
    try:
        return read_safe_agreed(client_for(chain), address)
    except Disagreement:
        raise Refused(
            f"The endpoints of {chain.name} disagree about this Safe; nothing was done.",
            "look at the chain's endpoints and disable the one that lies or lags",
            "endpoints-disagree",
        ) from None
    except RpcError:
        raise Refused(
            f"{chain.name} cannot be read at this moment; nothing was done.",
            "try again; if it lasts, look at the chain's endpoints",
            "chain-unavailable",
        ) from None


def register(*, chain: Chain, address: str, label: str, actor: str, protocol: Protocol | None = None) -> Safe:
    """Follow a Safe from now on. A version that we have not pinned is refused: its hashes would be a guess."""
    address = parse_address(address)
    label = one_line("label", label, 80)
    if Safe.objects.filter(chain=chain, address=address).exists():
        raise Invalid("address", "This Safe is registered already.", "open it in the list of Safes")
    try:
        reading = read_or_refuse(chain, address)
    except Invalid as error:
        hint = _elsewhere(chain, address) or error.hint
        raise Invalid("address", error.message, hint) from None
    with transaction.atomic():
        safe, created = Safe.objects.get_or_create(
            chain=chain,
            address=address,
            defaults={"label": label, "protocol": protocol, **_columns(reading)},
        )
        if not created:
            raise Invalid("address", "This Safe is registered already.", "open it in the list of Safes")
        record("safe.registered", actor=actor, subject=safe.subject, after=_shown(safe) | {"address": address})
    return safe


@transaction.atomic
def assign(*, safe: Safe, protocol: Protocol | None, actor: str) -> Safe:
    """To a protocol, whose allow-list counts for it from now on; to none, and no list does."""
    locked = Safe.objects.select_for_update(of=("self",)).select_related("protocol", "chain").get(pk=safe.pk)
    if locked.protocol != protocol:
        before = {"protocol": locked.protocol.slug if locked.protocol else None}
        locked.protocol = protocol
        locked.save(update_fields=["protocol"])
        after = {"protocol": protocol.slug if protocol else None}
        record("safe.assigned", actor=actor, subject=locked.subject, before=before, after=after)
    return locked


def _elsewhere(chain: Chain, address: str) -> str:
    """Where this address is a Safe after all: a wrong chain is the commonest slip of all."""
    for other in Chain.objects.exclude(pk=chain.pk):
        try:
            found = read_safe(client_for(other), address)
        except (Invalid, RpcError):
            continue
        return f"chain {other.chain_id}, {other.name}, where it is a Safe {found.version}"
    return ""


def register_owners(*, safe: Safe, actor: str, depth: int = 2) -> list[Safe]:
    """Follow those owners that are Safes of a known version too, so that their owners can sign here. Network."""
    known = set(Safe.objects.filter(chain=safe.chain, address__in=safe.owners).values_list("address", flat=True))
    made = []
    for owner in safe.owners:
        if owner in known or not _has_code(safe.chain, owner):
            continue
        label = f"Safe {owner[:6]}…{owner[-4:]}, an owner of {safe.label}"[:80]
        try:
            child = register(chain=safe.chain, address=owner, label=label, actor=actor, protocol=safe.protocol)
        except Invalid:
            continue  # another kind of contract; its word is asked for with isValidSignature
        made += [child, *(register_owners(safe=child, actor=actor, depth=depth - 1) if depth > 1 else ())]
    return made


def _has_code(chain: Chain, address: str) -> bool:
    """An account that delegates its code (EIP-7702) still signs as an account."""
    try:
        code = client_for(chain).code(address)
    except RpcError:
        return False
    return bool(code) and code[:3] != DELEGATED


def refresh(*, safe: Safe, actor: str = "system:watch") -> Safe:
    """Read it again; whatever moved is an event, and anything but the nonce an alarm."""
    try:
        reading = read_or_refuse(safe.chain, safe.address)
    except Invalid as error:
        return _note_problem(safe=safe, problem=error.message, actor=actor)
    return store(safe=safe, reading=reading, actor=actor)


@transaction.atomic
def _note_problem(*, safe: Safe, problem: str, actor: str) -> Safe:
    """It answers, but no longer as a Safe that we know: its singleton may have been replaced."""
    locked = Safe.objects.select_for_update().get(pk=safe.pk)
    if locked.problem != problem[:300]:
        locked.problem = problem[:300]
        locked.save(update_fields=["problem"])
        record(
            "safe.unreadable",
            actor=actor,
            subject=locked.subject,
            reason=problem,
            alarm=alarm(
                f"safe-unreadable:{locked.pk}", "SEV1", title=f"{locked.label} is no longer a Safe that we know"
            ),
        )
    return locked


@transaction.atomic
def store(*, safe: Safe, reading: SafeState, actor: str) -> Safe:
    """Write a reading down; an older one than what is stored changes nothing."""
    locked = Safe.objects.select_for_update().get(pk=safe.pk)
    if reading.block_number < locked.read_block:
        return locked
    before = _shown(locked)
    if locked.problem:
        record(
            "safe.readable",
            actor=actor,
            subject=locked.subject,
            alarm=alarm(f"safe-unreadable:{locked.pk}", "SEV1", cleared=True),
        )
        locked.problem = ""
    for name, value in _columns(reading).items():
        setattr(locked, name, value)
    locked.save()
    after = _shown(locked)
    for name, verb in DRIFT.items():
        if before[name] != after[name]:
            record(
                verb,
                actor=actor,
                subject=locked.subject,
                before={name: before[name]},
                after={name: after[name], "block": reading.block_number},
                alarm=alarm(
                    f"safe-drift:{locked.pk}:{name}", "SEV2", title=f"{locked.label}: {name.replace('_', ' ')} changed"
                ),
            )
    if before["nonce"] != after["nonce"]:
        record(
            "safe.nonce.changed",
            actor=actor,
            subject=locked.subject,
            before={"nonce": before["nonce"]},
            after={"nonce": after["nonce"], "block": reading.block_number},
        )
    return locked


def _columns(state: SafeState) -> dict[str, Any]:
    return {
        "version": state.version,
        "owners": list(state.owners),
        "threshold": state.threshold,
        "nonce": state.nonce,
        "modules": list(state.modules),
        "guard": state.guard,
        "module_guard": state.module_guard,
        "fallback_handler": state.fallback_handler,
        "singleton": state.singleton,
        "code_hash": state.code_hash,
        "proxy_version": state.proxy_version,
        "read_block": state.block_number,
        "read_at": timezone.now(),
    }


def _shown(safe: Safe) -> dict[str, Any]:
    return {name: getattr(safe, name) for name in FIELDS}


def follow(chain: Chain, *, actor: str = "system:watch") -> int:
    """Read every registered Safe of a chain again, on new heads. One that cannot be read is left for the next time."""
    from governance.proposals.approving import see

    count, safes = 0, list(Safe.objects.filter(chain=chain).select_related("chain"))
    for safe in safes:
        try:
            refresh(safe=safe, actor=actor)
        except (Invalid, Refused):
            continue
        count += 1
    try:
        see(chain, min((safe.read_block for safe in safes if not safe.problem), default=0))
    except (RpcError, Refused):
        return count
    return count


def current(safe: Safe, *, actor: str = "system:governance") -> Safe:
    """The Safe as the chain has it now; a reading of the last two seconds will do. Network: not in a transaction."""
    return fresh(_row(safe.pk), actor=actor)


def fresh(safe: Safe, *, actor: str = "system:governance") -> Safe:
    """The same for a row that was loaded just now."""
    if _lately(safe):
        return safe
    READINGS.do(safe.pk, lambda: _read_again(safe.pk, actor))
    return _row(safe.pk)


def _lately(safe: Safe) -> bool:
    return not safe.problem and timezone.now() - safe.read_at < FRESH


def _read_again(pk: int, actor: str) -> None:
    safe = _row(pk)
    if not _lately(safe):  # another process may have been faster
        store(safe=safe, reading=read_or_refuse(safe.chain, safe.address), actor=actor)


def _row(pk: int) -> Safe:
    return Safe.objects.select_related("chain").get(pk=pk)
