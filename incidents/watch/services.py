"""The verbs people have on monitors."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from pydantic import BaseModel, ValidationError

from governance.protocols.models import Protocol
from incidents.monitors import MONITORS, MonitorType
from incidents.watch.evaluate import key_of
from incidents.watch.models import SEVERITIES, Monitor
from integrations.chain.models import Chain
from ledger import Invalid, Refused, alarm, record
from ledger.text import one_line

RESERVED = ("new",)
LONGEST_MUTE = timedelta(days=7)


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
    _named(slug, severity)
    fields: dict[str, Any] = {
        "name": one_line("name", name, 120),
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
    if enabled:
        _asked_once(slug, MONITORS[kind], parsed, chain)
    fields["revision"] = found.revision + 1 if found else 1
    monitor, created = Monitor.objects.update_or_create(slug=slug, defaults=fields)
    after = {key: value for key, value in fields.items() if key not in ("chain", "protocol", "revision")}
    record("monitor.created" if created else "monitor.changed", actor=actor, subject=monitor.subject, after=after)
    asks_otherwise = found and (found.kind, found.config, found.chain_id) != (kind, monitor.config, chain.pk)
    if found and (found.breached or found.blind) and (not enabled or asks_otherwise):
        _stand_down(found, monitor, actor)
    return monitor


def _named(slug: str, severity: str) -> None:
    if slug in RESERVED:
        raise Invalid("slug", f"{slug} is the name of a page", "another short name")
    if severity not in dict(SEVERITIES):
        raise Invalid("severity", f"{severity!r} is not known", "SEV1, SEV2, SEV3 or SEV4")


def change_monitor(*, monitor: Monitor, actor: str, **changes: Any) -> Monitor:
    """Some of what `save_monitor` takes; the rest stays."""
    names = ("slug", "name", "kind", "config", "chain", "protocol", "severity", "failure_mode", "enabled")
    return save_monitor(**{**{name: getattr(monitor, name) for name in names}, **changes}, actor=actor)


def _asked_once(slug: str, kind: type[MonitorType], config: BaseModel, chain: Chain) -> None:
    """Two monitors with one key would clear each other's alert."""
    key = kind.key(config)
    for other in Monitor.objects.filter(kind=kind.name, chain=chain, enabled=True).exclude(slug=slug):
        try:
            taken = kind.key(kind.Config.model_validate(other.config))
        except ValidationError:
            continue
        if taken == key:
            raise Invalid("config", f"{other.name} watches this already (alert key {key})", "change that one instead")


def _stand_down(before: Monitor, monitor: Monitor, actor: str) -> None:
    """Nobody looks at the old question any more: its alerts must not fire for ever."""
    Monitor.objects.filter(pk=monitor.pk).update(breached=False, blind=False, told=False)
    monitor.breached = monitor.blind = monitor.told = False
    keys = {f"monitor_blind:{before.slug}": before.blind}
    if before.kind in MONITORS:
        kind = MONITORS[before.kind]
        keys[key_of(kind, kind.Config.model_validate(before.config), before.chain)] = before.breached and before.told
    for key, raised in keys.items():
        raised_alarm = alarm(key, before.severity, cleared=True, title=before.name) if raised else None
        if raised_alarm:
            record("monitor.stood.down", actor=actor, subject=monitor.subject, alarm=raised_alarm)


@transaction.atomic
def mute(*, monitor: Monitor, minutes: int, reason: str, actor: str) -> Monitor:
    """It is judged and shown, and nobody is told until the time is over; what fires then is told then."""
    longest = int(LONGEST_MUTE.total_seconds() // 60)
    if not 1 <= minutes <= longest:
        raise Invalid("minutes", f"{minutes} minutes is not a time to mute for", f"from 1 minute to {longest} (a week)")
    reason = one_line("reason", reason, 200)
    until = timezone.now() + timedelta(minutes=minutes)
    return _set_mute(monitor, actor, "monitor.muted", until, reason)


@transaction.atomic
def unmute(*, monitor: Monitor, actor: str) -> Monitor:
    if not monitor.muted:
        raise Refused(f"{monitor.name} is not muted.", "nothing to do")
    return _set_mute(monitor, actor, "monitor.unmuted", None, "")


def _set_mute(monitor: Monitor, actor: str, verb: str, until: Any, reason: str) -> Monitor:
    row = Monitor.objects.select_for_update().get(pk=monitor.pk)
    before = {"muted_until": row.muted_until.isoformat() if row.muted_until else None}
    row.muted_until, row.mute_reason, row.revision = until, reason, row.revision + 1
    row.save(update_fields=["muted_until", "mute_reason", "revision"])
    after = {"muted_until": until.isoformat() if until else None}
    record(verb, actor=actor, subject=row.subject, before=before, after=after, reason=reason)
    return row
