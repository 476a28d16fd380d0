"""Writing down what the monitors said: only changes are told."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.utils import timezone

from incidents.monitors import Blind, Breach, moment
from incidents.watch.evaluate import Evaluation, Result
from incidents.watch.history import History, prune
from incidents.watch.lease import Held
from incidents.watch.models import Monitor, WatchedBlock
from integrations.chain.models import Chain
from integrations.chain.reading import Block
from ledger import alarm, record

EMPTY: Mapping[str, Any] = MappingProxyType({})
BLIND_SEVERITY = "SEV3"
HELD = 2
"""Blocks beyond a replaced one for which what it showed is still believed: what was in it comes back, as a rule."""


def write_down(
    held: Held,
    chain: Chain,
    evaluation: Evaluation,
    history: History | None = None,
    beside: Mapping[str, Any] = EMPTY,
    *,
    late: bool = False,
) -> bool:
    """The block and every change it brought, in one transaction under the watcher's fence. False: done already.

    `beside`: readings of what is no part of a block, as they were last; for those who look at the page. `late`: newer
    ones are judged right after it. Of such a one a node may have no state any more; who sees the newest is not blind.
    """
    block = evaluation.block
    history = history or History(chain)
    with held.commit():
        _, new = WatchedBlock.objects.get_or_create(
            chain=chain,
            hash=block.hash,
            defaults={
                "number": block.number,
                "parent_hash": block.parent_hash,
                "timestamp": block.timestamp,
                "monitors": len(evaluation.results),
                "took_ms": evaluation.took_ms,
                "readings": {**beside, **evaluation.readings},
                "kept": evaluation.kept,
                "on_the_minute": history.begins_minute(block),
            },
        )
        if not new:
            return False
        for result in evaluation.results:
            if not (late and isinstance(result.verdict, Blind)):
                _apply(result, block)
        prune(history, block)
    history.extend(block, evaluation.kept)
    return True


def write_changes(held: Held, results: Iterable[Result], block: Block) -> None:
    """What does not belong to a block: nothing is written unless something changed."""
    changed = [result for result in results if _differs(result)]
    if changed:
        with held.commit():
            for result in changed:
                _apply(result, block)


def _differs(result: Result) -> bool:
    monitor, verdict = result.monitor, result.verdict
    if isinstance(verdict, Blind):
        return not monitor.blind
    breached = isinstance(verdict, Breach)
    return monitor.blind or breached != monitor.breached or (breached and not monitor.told and not monitor.muted)


def _apply(result: Result, block: Block) -> None:
    """A monitor that goes on saying the same costs nothing."""
    monitor, verdict = result.monitor, result.verdict
    if isinstance(verdict, Blind):
        if not monitor.blind and _change(monitor, block, blind=True):
            _tell(monitor, block, "monitor.blind", f"monitor_blind:{monitor.slug}", BLIND_SEVERITY, verdict.reason)
        return
    if monitor.blind and _change(monitor, block, blind=False):
        _tell(monitor, block, "monitor.seeing", f"monitor_blind:{monitor.slug}", BLIND_SEVERITY, "", cleared=True)
    if isinstance(verdict, Breach):
        _breached(result, verdict, block)
    elif monitor.breached and not (result.replaced and block.number <= (monitor.changed_block or 0) + HELD):
        _cured(result, verdict.reading, block)


def _breached(result: Result, verdict: Breach, block: Block) -> None:
    """Told once; what began while it was muted is told when that ends."""
    monitor = result.monitor
    muted = monitor.muted
    if monitor.breached and (monitor.told or muted):
        if result.replaced:  # seen again on this branch: from here on it is this block that would have to be replaced
            _change(monitor, block)
        return
    if _change(monitor, block, breached=True, told=not muted, reading=verdict.reading):
        extra = {"reading": verdict.reading, **_first_bad(result, verdict, block)}
        _tell(monitor, block, "monitor.breached", result.key, monitor.severity, verdict.title, quiet=muted, extra=extra)


def _cured(result: Result, reading: dict[str, Any], block: Block) -> None:
    monitor, told = result.monitor, result.monitor.told
    if _change(monitor, block, breached=False, told=False, reading=reading):
        extra = {"reading": reading}
        _tell(
            monitor, block, "monitor.cured", result.key, monitor.severity, "", cleared=True, quiet=not told, extra=extra
        )


def _change(monitor: Monitor, block: Block, **fields: Any) -> bool:
    """False when somebody has changed the monitor meanwhile: what was judged is not its question any more."""
    fields |= {"changed_block": block.number, "changed_hash": block.hash, "changed_at": timezone.now()}
    if not Monitor.objects.filter(pk=monitor.pk, revision=monitor.revision, enabled=True).update(**fields):
        return False
    for name, value in fields.items():
        setattr(monitor, name, value)
    return True


def _first_bad(result: Result, verdict: Breach, block: Block) -> dict[str, Any]:
    """A devnet's clock may run ahead of ours: nothing is dated into our future."""
    first = result.first_bad or block
    at: datetime = min(moment(first.timestamp), timezone.now())
    return {"first_bad_block": first.number, "first_bad_at": at.isoformat(), "since": verdict.since}


def _tell(
    monitor: Monitor,
    block: Block,
    verb: str,
    key: str,
    severity: str,
    title: str,
    *,
    cleared: bool = False,
    quiet: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """`quiet`: for the record, without an alarm."""
    named = title if verb != "monitor.blind" else f"{monitor.name} cannot be judged: {title}"
    record(
        verb,
        actor=monitor.actor,
        subject=monitor.subject,
        after={"block": block.number, "block_hash": block.hash, **(extra or {})},
        alarm=None if quiet else alarm(key, severity, cleared=cleared, title=named or monitor.name),
    )
