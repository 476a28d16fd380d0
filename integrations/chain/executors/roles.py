"""What an executor may do on a chain: the roles it holds in registered contracts, and the powers it is known to have.

The contracts are registered a floor above, which tells here where to look. Everything is read at one block, agreed
between the endpoints, and kept with that block and the time: a page shows how old it is.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.chain.abi import encode_call
from integrations.chain.abi_types import Function, parse_abi
from integrations.chain.client import Client, RpcError, RpcRefused, call_object
from integrations.chain.models import Chain, Executor
from integrations.chain.reading import block_ref, to_bytes
from ledger.errors import Invalid
from ledger.services import record

FRESH = timedelta(minutes=2)
HAS_ROLE = "hasRole(bytes32 role, address account) view returns (bool)"
OWNER = "owner() view returns (address)"
ADMIN = "DEFAULT_ADMIN_ROLE"
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Target:
    """A registered contract; `powers`: (title, function, holder) of its known privileged functions."""

    name: str
    address: str
    abi: Sequence[dict[str, Any]]
    powers: Sequence[tuple[str, str, str]] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that an account may do. `source`: read from the chain, or known from the register."""

    contract: str
    address: str
    role: str
    source: str


_sources: list[Callable[[Chain], Iterable[Target]]] = []


def targets_from(source: Callable[[Chain], Iterable[Target]]) -> None:
    """A room above tells, once, how to list a chain's registered contracts."""
    if source not in _sources:
        _sources.append(source)


def look_at_roles(chain: Chain, client: Client, executors: Iterable[Executor], *, again: bool = False) -> None:
    """Reads what has become old (network), then notes it; a role gained or lost is an event."""
    now = timezone.now()
    due = [one for one in executors if again or one.roles_at is None or now - one.roles_at > FRESH]
    targets = [target for source in _sources for target in source(chain)]
    if not due:
        return
    try:
        block = client.common_block()
        roles = client.agreed(lambda one: _roles(one, targets, block.hash))
        held = client.agreed(lambda one: _held(one, targets, roles, [each.address for each in due], block.hash))
    except RpcError:
        return
    for executor in due:
        known = [
            Held(target.name, target.address, f"{title} ({function})", "register")
            for target in targets
            for title, function, holder in target.powers
            if holder == executor.address
        ]
        with transaction.atomic():
            _note(executor, [*held.get(executor.address, ()), *known], block.number)


def _note(executor: Executor, held: Sequence[Held], block: int) -> None:
    row = Executor.objects.select_for_update(of=("self",)).get(pk=executor.pk)
    before = {(one["address"], one["role"]) for one in row.roles}
    after = {(one.address, one.role) for one in held}
    found = [asdict(one) for one in held]
    Executor.objects.filter(pk=row.pk).update(roles=found, roles_block=block, roles_at=timezone.now())
    executor.roles, executor.roles_block, executor.roles_at = found, block, timezone.now()
    if row.roles_at is not None and before != after:
        gained = [one for one in found if (one["address"], one["role"]) not in before]
        lost = [one for one in row.roles if (one["address"], one["role"]) not in after]
        told: dict[str, object] = {"block": block, "label": row.label}
        for name, ones in (("gained", gained), ("lost", lost)):
            told[name] = [f"{one['role']} of {one['contract']}" for one in ones]
        record("executor.roles.changed", actor="system:chain", subject=row.subject, after=told)


# --- reading, at one block


def _roles(client: Client, targets: Sequence[Target], block: str) -> tuple[tuple[str, bytes], ...]:
    """The value of every role constant that a target's ABI names: (address and name, value)."""
    named = [(target, name) for target in targets for name in _role_names(target)]
    answers = _calls(client, [(target.address, encode_call(f"{name}()")) for target, name in named], block)
    found = []
    for (target, name), answer in zip(named, answers, strict=True):
        value = answer if answer is not None and len(answer) == 32 else None
        if value is None and name == ADMIN:
            value = bytes(32)
        if value is not None:
            found.append((f"{target.address}:{name}", value))
    return tuple(found)


def _held(
    client: Client, targets: Sequence[Target], roles: Sequence[tuple[str, bytes]], accounts: Sequence[str], block: str
) -> dict[str, tuple[Held, ...]]:
    names = {target.address: target.name for target in targets}
    asked = [
        (address, role, value, account)
        for place, value in roles
        for address, _, role in [place.partition(":")]
        for account in accounts
    ]
    calls = [(address, encode_call(HAS_ROLE, "", [value, account])) for address, _, value, account in asked]
    owned = [target for target in targets if _has(target, "owner", 0)]
    calls += [(target.address, encode_call(OWNER)) for target in owned]
    answers = _calls(client, calls, block)
    found: dict[str, list[Held]] = {account: [] for account in accounts}
    for (address, role, _, account), answer in zip(asked, answers, strict=False):
        if _word(answer) == 1:
            found[account].append(Held(names[address], address, role, "chain"))
    for target, answer in zip(owned, answers[len(asked) :], strict=True):
        for account in accounts:
            if answer is not None and len(answer) == 32 and _word(answer) == int(account, 16):
                found[account].append(Held(target.name, target.address, "owner", "chain"))
    return {account: tuple(held) for account, held in found.items()}


def _word(answer: bytes | None) -> int:
    return int.from_bytes(answer, "big") if answer is not None and len(answer) == 32 else 0


def _calls(client: Client, calls: Sequence[tuple[str, bytes]], block: str) -> list[bytes | None]:
    """Each call's answer; None where it reverts, or nothing answers there."""
    batch = [("eth_call", [call_object(address, data), block_ref(block)]) for address, data in calls]
    answers = [
        answer for first in range(0, len(batch), AT_ONCE) for answer in client.batch(batch[first : first + AT_ONCE])
    ]
    return [None if isinstance(answer, RpcRefused) else to_bytes(answer) for answer in answers]


def _functions(target: Target) -> list[Function]:
    try:
        return parse_abi(target.abi, "function")
    except Invalid:
        return []


def _has(target: Target, name: str, inputs: int) -> bool:
    return any(one.name == name and len(one.inputs) == inputs for one in _functions(target))


def _role_names(target: Target) -> list[str]:
    """Constants such as PAUSER_ROLE, of a contract that speaks AccessControl."""
    if not _has(target, "hasRole", 2):
        return []
    names = [one.name for one in _functions(target) if one.name.endswith("_ROLE") and not one.inputs]
    return [ADMIN, *(name for name in names if name != ADMIN)]
