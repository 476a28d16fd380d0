"""Writing down what the monitors said, and the verbs people have on them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from governance.protocols.models import Protocol
from incidents.monitors import MONITORS, Blind, Breach, Calm, moment
from incidents.watch.evaluate import Evaluation, Result
from incidents.watch.lease import Held
from incidents.watch.models import SEVERITIES, Monitor, WatchedBlock
from integrations.chain.models import Chain
from integrations.chain.reading import Block
from ledger import Invalid, alarm, record

KEPT_BLOCKS = 512
BLIND_SEVERITY = "SEV3"


def write_down(held: Held, chain: Chain, evaluation: Evaluation) -> bool:
    """The block and every change it brought, in one transaction under the watcher's fence. False: done already."""
    block = evaluation.block
    with held.commit():
        _, new = WatchedBlock.objects.get_or_create(
            chain=chain,
            hash=block.hash,
            defaults={
                "number": block.number,
                "timestamp": block.timestamp,
                "monitors": len(evaluation.results),
                "took_ms": evaluation.took_ms,
            },
        )
        if not new:
            return False
        for result in evaluation.results:
            _apply(result, block)
        if block.number % 64 == 0:
            WatchedBlock.objects.filter(chain=chain, number__lt=block.number - KEPT_BLOCKS).delete()
    return True


def _apply(result: Result, block: Block) -> None:
    """Only changes are written and told; a monitor that goes on saying the same costs nothing."""
    monitor, verdict = result.monitor, result.verdict
    if isinstance(verdict, Blind):
        if not monitor.blind:
            _change(monitor, block, blind=True)
            _tell(monitor, block, "monitor.blind", f"monitor_blind:{monitor.slug}", BLIND_SEVERITY, verdict.reason)
        return
    if monitor.blind:
        _change(monitor, block, blind=False)
        _tell(monitor, block, "monitor.seeing", f"monitor_blind:{monitor.slug}", BLIND_SEVERITY, "", cleared=True)
    if isinstance(verdict, Breach) and not monitor.breached:
        _change(monitor, block, breached=True, reading=verdict.reading)
        extra = {"reading": verdict.reading, **_first_bad(result, verdict, block)}
        _tell(monitor, block, "monitor.breached", result.key, monitor.severity, verdict.title, extra=extra)
    elif isinstance(verdict, Calm) and monitor.breached:
        _change(monitor, block, breached=False, reading=verdict.reading)
        extra = {"reading": verdict.reading}
        _tell(monitor, block, "monitor.cured", result.key, monitor.severity, "", cleared=True, extra=extra)


def _change(monitor: Monitor, block: Block, **fields: Any) -> None:
    fields |= {"changed_block": block.number, "changed_at": timezone.now()}
    Monitor.objects.filter(pk=monitor.pk).update(**fields)
    for name, value in fields.items():
        setattr(monitor, name, value)


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
    extra: Mapping[str, Any] | None = None,
) -> None:
    named = title if verb != "monitor.blind" else f"{monitor.name} cannot be judged: {title}"
    record(
        verb,
        actor=monitor.actor,
        subject=monitor.subject,
        after={"block": block.number, "block_hash": block.hash, **(extra or {})},
        alarm=alarm(key, severity, cleared=cleared, title=named or monitor.name),
    )


@transaction.atomic
def save_monitor(
    *,
    slug: str,
    name: str,
    kind: str,
    config: Mapping[str, Any],
    chain: Chain,
    actor: str,
    protocol: Protocol | None = None,
    severity: str = "SEV2",
    failure_mode: str = "",
    enabled: bool = True,
) -> Monitor:
    """Make a monitor, or change the one with this slug; an unchanged one stays as it is."""
    parsed = MONITORS.parse(kind, config)
    if severity not in dict(SEVERITIES):
        raise Invalid("severity", f"{severity!r} is not known", "SEV1, SEV2, SEV3 or SEV4")
    fields: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "config": parsed.model_dump(mode="json"),
        "chain": chain,
        "protocol": protocol,
        "severity": severity,
        "failure_mode": failure_mode,
        "enabled": enabled,
    }
    found = Monitor.objects.select_for_update().filter(slug=slug).first()
    if found and all(getattr(found, key) == value for key, value in fields.items()):
        return found
    monitor, created = Monitor.objects.update_or_create(slug=slug, defaults=fields)
    after = {key: value for key, value in fields.items() if key not in ("chain", "protocol")}
    record("monitor.created" if created else "monitor.changed", actor=actor, subject=monitor.subject, after=after)
    if found and found.breached and (not enabled or found.config != monitor.config):
        _stand_down(found, monitor, actor)
    return monitor


def _stand_down(before: Monitor, monitor: Monitor, actor: str) -> None:
    """Nobody looks at the old question any more: its alert must not fire for ever."""
    kind = MONITORS[before.kind]
    key = kind.key(kind.Config.model_validate(before.config))
    Monitor.objects.filter(pk=monitor.pk).update(breached=False, blind=False)
    monitor.breached = monitor.blind = False
    record(
        "monitor.stood.down",
        actor=actor,
        subject=monitor.subject,
        alarm=alarm(key, before.severity, cleared=True, title=before.name),
    )
