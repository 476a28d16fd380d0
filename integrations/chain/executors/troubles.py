"""What is wrong with an executor, in words: found by whoever looks, an alarm while it lasts, cleared when it is gone.

Everything is judged from what was read of the chain *before* the rows were: whatever of ours was on its way by then
stands in the rows, so that no race makes a transaction of ours look like somebody else's.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.utils import timezone

from integrations.chain.models import Executor
from integrations.chain.transactions.models import Transaction
from ledger.services import alarm, record

ACTOR = "system:chain"
FOREIGN, PENDING, GAP, HELD = "foreign", "pending", "gap", "held"
SIGNER, SIGNING = "signer", "signing"  # whether it answers; whether it signed when it was asked to
NONCES = (FOREIGN, PENDING, GAP, HELD)
TITLES = {
    FOREIGN: "{label}'s key is used elsewhere",
    PENDING: "Somebody else's transaction waits at {label}'s next nonce",
    GAP: "{label} has a gap in its nonces",
    HELD: "{label} is held up by one transaction",
    SIGNER: "{label}'s signer does not answer",
    SIGNING: "{label}'s signer does not sign",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    words: str
    severity: str = "SEV3"


def note(executor: Executor, found: Mapping[str, Trouble], among: Collection[str]) -> None:
    """Inside a transaction: raises what is new, clears what is gone; what is not `among` stays as it is."""
    executor = Executor.objects.select_for_update(of=("self",)).get(pk=executor.pk)
    before = dict(executor.troubles)
    after = {code: trouble for code, trouble in before.items() if code not in among}
    for code, trouble in found.items():
        since = before.get(code, {}).get("since") or timezone.now().isoformat()
        after[code] = {"words": trouble.words, "severity": trouble.severity, "since": since}
    if after == before:
        return
    Executor.objects.filter(pk=executor.pk).update(troubles=after)
    for code in among:
        if (code in before) != (code in after):
            _tell(executor, code, after.get(code) or before[code], ended=code not in after)


def _tell(executor: Executor, code: str, trouble: Mapping[str, str], *, ended: bool) -> None:
    found = "executor.used.elsewhere" if code == FOREIGN else "executor.trouble.found"
    record(
        "executor.trouble.ended" if ended else found,
        actor=ACTOR,
        subject=executor.subject,
        reason=trouble["words"][:500],
        after={"code": code, "label": executor.label, "words": trouble["words"]},
        alarm=alarm(
            f"executor_{code}:{executor.pk}",
            trouble["severity"],
            cleared=ended,
            title=TITLES[code].format(label=executor.label)[:200],
        ),
    )


# --- nonces


def note_nonces(executor: Executor, chain_nonce: int, pending_nonce: int | None) -> None:
    """Inside a transaction, after the chain was read; without the pool's nonce nothing is said about the pool."""
    among = NONCES if pending_nonce is not None else tuple(code for code in NONCES if code != PENDING)
    note(executor, of_nonces(executor, chain_nonce, pending_nonce), among)


def of_nonces(executor: Executor, chain_nonce: int, pending_nonce: int | None) -> dict[str, Trouble]:
    """What the chain's nonce, the pool's and ours say together; the chain was read before this is called."""
    rows = Transaction.objects.filter(executor=executor, nonce__isnull=False)
    held = rows.exclude(status="dropped", hash=None)
    found: dict[str, Trouble] = {}
    foreign = foreign_nonces(executor, chain_nonce)
    if foreign:
        found[FOREIGN] = Trouble(
            f"{_nonces(foreign)} on the chain {'was' if len(foreign) == 1 else 'were'} used by transactions that were "
            "not sent from here: somebody else has this key, or used it. If it was you, accept it.",
            "SEV2",
        )
    flying = {
        row.nonce: row
        for row in rows.filter(nonce__gte=chain_nonce, status__in=Transaction.HOLDS_NONCE).order_by("nonce")
    }
    known = set(held.filter(nonce__gte=chain_nonce).values_list("nonce", flat=True))
    following = max((nonce + 1 for nonce in known if nonce is not None), default=chain_nonce)
    if pending_nonce is not None and pending_nonce > following:
        found[PENDING] = Trouble(
            f"The pool holds transactions up to nonce {pending_nonce - 1}, and we gave none above {following - 1}: a "
            "transaction that is not ours waits there, and may take the nonce of our next one.",
            "SEV2",
        )
    found |= _blocked(chain_nonce, flying, known)
    return found


def _blocked(chain_nonce: int, flying: Mapping[int | None, Transaction], known: set[int | None]) -> dict[str, Trouble]:
    """A nonce that nothing fills, or that a row keeps without being sent, holds up everything after it."""
    top = max((nonce for nonce in flying if nonce is not None), default=chain_nonce)
    missing = [nonce for nonce in range(chain_nonce, min(top, chain_nonce + 1000)) if nonce not in known]
    found: dict[str, Trouble] = {}
    if missing:
        behind = [row for nonce, row in flying.items() if nonce is not None and nonce > missing[0]]
        found[GAP] = Trouble(
            f"Nothing holds {_nonces(missing)}, and {_named(behind)} behind it. The next transaction of this executor "
            "takes the place, or an empty one can."
        )
    first = next(iter(flying.values()), None)
    behind = list(flying.values())[1:]
    if first is not None and behind and first.status in (Transaction.Status.RESERVED, Transaction.Status.UNKNOWN):
        waits = "waits for a person's decision" if first.status == Transaction.Status.UNKNOWN else "is not signed"
        words = f"Transaction #{first.pk} has nonce {first.nonce} and {waits}; {_named(behind)} behind it."
        found[HELD] = Trouble(words)
    return found


def foreign_nonces(executor: Executor, chain_nonce: int) -> list[int]:
    """Nonces that the chain has used since we look, and for which we never signed anything; the first hundred."""
    if executor.accounted is None or executor.accounted >= chain_nonce:
        return []
    mine = Transaction.objects.filter(executor=executor, nonce__gte=executor.accounted, nonce__lt=chain_nonce)
    ours = set(mine.exclude(hash=None).values_list("nonce", flat=True))
    if len(ours) == chain_nonce - executor.accounted:
        return []
    return [nonce for nonce in range(executor.accounted, chain_nonce) if nonce not in ours][:100]


def first_account(executor: Executor, chain_nonce: int) -> int:
    """From which nonce on every use must be ours: what came before we had this account is its own history."""
    last = Transaction.objects.filter(executor=executor, hash__isnull=False).order_by("-nonce").first()
    return chain_nonce if last is None or last.nonce is None else min(chain_nonce, last.nonce + 1)


def _nonces(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"nonce {numbers[0]}"
    return f"nonces {', '.join(str(number) for number in numbers[:5])}{' and more' if len(numbers) > 5 else ''}"


def _named(rows: list[Transaction]) -> str:
    names = ", ".join(f"#{row.pk}" for row in rows[:5]) + (" and more" if len(rows) > 5 else "")
    return f"transaction{'' if len(rows) == 1 else 's'} {names} {'waits' if len(rows) == 1 else 'wait'}"
