"""What payloads would become under a config, without storing or raising anything."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from incidents.alerts.models import Alert
from incidents.alerts.services import name_of
from incidents.inbound.models import InboundKey, InboundPayload
from incidents.incidents.joining import GRAVE
from incidents.incidents.models import OVER, Incident
from integrations.inbound import INBOUND, Action, Incoming
from ledger import Invalid

LAST = 10
LONGEST_SHOWN = 20_000


@dataclass(frozen=True, slots=True)
class Line:
    """One alert of a payload, and what the desk would do with it."""

    key: str
    title: str
    action: str
    severity: str
    then: str


@dataclass(frozen=True, slots=True)
class Tried:
    """A payload, and what it would be; `wrong` where it would be refused."""

    text: str
    lines: tuple[Line, ...] = ()
    wrong: str = ""
    hint: str = ""
    at: datetime | None = None
    times: int = 0
    pk: int = 0


def last_payloads(key: InboundKey) -> list[InboundPayload]:
    return list(key.payloads.order_by("-last_at")[:LAST])


def try_on(key: InboundKey, config: BaseModel, payloads: Iterable[InboundPayload]) -> list[Tried]:
    return [judge(key, config, one.body, at=one.last_at, times=one.times, pk=one.pk) for one in payloads]


def judge(key: InboundKey, config: BaseModel, body: Any, **about: Any) -> Tried:
    text = json.dumps(body, indent=2, ensure_ascii=False)[:LONGEST_SHOWN]
    try:
        found = INBOUND[key.format].read(config, body)
        return Tried(text, tuple(_line(key, one) for one in found), **about)
    except Invalid as error:
        wrong = f"{error.field}: {error.message}" if error.field else error.message
        return Tried(text, wrong=wrong, hint=error.hint, **about)


def _line(key: InboundKey, one: Incoming) -> Line:
    severity = one.severity or key.severity if one.action is Action.TRIGGER else ""
    return Line(one.key, one.title, one.action, severity, _then(key, one, severity))


def _then(key: InboundKey, one: Incoming, severity: str) -> str:
    name = name_of(f"{key.subject}:{one.key}")
    firing = Alert.objects.filter(key=name, status=Alert.State.FIRING).select_related("incident").first()
    if one.action is not Action.TRIGGER:
        verb = "clears" if one.action is Action.RESOLVE else "acknowledges"
        return f"{verb} the alert that fires" if firing else "nothing fires under this key: nothing happens"
    if firing:
        return "fires already: counted once more"
    mode = one.failure_mode or key.failure_mode
    if not mode and severity not in GRAVE:
        return "an alert without an incident: slight, and of no known failure"
    same = Incident.objects.exclude(status__in=OVER).filter(
        protocol=key.protocol, failure_mode=mode, scope__private=False
    )
    joined = same.order_by("-pk").first() if mode else same.filter(alerts__key=name).order_by("-pk").first()
    return f"joins incident {joined.pk}" if joined else "opens an incident"
