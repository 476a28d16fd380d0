"""What the campaign's senders say, in the words of four formats; and the dedup key that the desk must make of it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FORMATS = ("alertmanager", "grafana", "pagerduty", "generic")
STARTS = "2026-11-20T03:12:08.157Z"
WORDS = {"SEV1": "critical", "SEV2": "error", "SEV3": "warning", "SEV4": "info"}
KEYS = {"alertmanager": "fingerprint", "grafana": "fingerprint", "pagerduty": "dedup_key", "generic": "key"}
DONE = {"trigger": "firing", "resolve": "resolved"}


@dataclass(frozen=True, slots=True)
class Said:
    """One alert of a payload: what is said of which name. `severity` and `mode` count while it is a trigger."""

    name: str
    action: str
    severity: str
    mode: str = ""

    def line(self, key: int, format: str) -> dict[str, str]:
        """As it stands in the senders' notes: with the dedup key by which the desk keeps it."""
        whole = f"inbound:{key}:{KEYS[format]}:{self.name}"
        return {"key": whole, "action": self.action, "severity": self.severity, "mode": self.mode}


def groups(format: str) -> bool:
    """Whether a payload of this format may tell several alerts."""
    return format in ("alertmanager", "grafana")


def payload(format: str, secret: str, said: Sequence[Said], number: int) -> tuple[str, bytes]:
    """Path and body. `number` is in it somewhere, so that no two payloads are alike."""
    if format == "pagerduty":
        return "/v2/enqueue", json.dumps(_pagerduty(secret, said[0], number)).encode()
    body = _generic(said[0], number) if format == "generic" else _group(said, number)
    return f"/api/v1/inbound/{secret}/", json.dumps(body).encode()


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def title(one: Said) -> str:
    """No two alerts have the same: it tells the mails about them apart."""
    return f"Feed {one.name} has not answered"


def _group(said: Sequence[Said], number: int) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="Campaign"}',
        "status": "firing",
        "receiver": "breakglass",
        "alerts": [_labelled(one, number) for one in said],
    }


def _labelled(one: Said, number: int) -> dict[str, Any]:
    labels = {"alertname": "Campaign", "feed": one.name, "severity": WORDS[one.severity]}
    return {
        "status": DONE[one.action],
        "labels": {**labels, **({"failure_mode": one.mode} if one.mode else {})},
        "annotations": {"summary": title(one), "value": str(number)},
        "startsAt": STARTS,
        "fingerprint": one.name,
    }


def _pagerduty(secret: str, one: Said, number: int) -> dict[str, Any]:
    event = {"routing_key": secret, "event_action": one.action, "dedup_key": one.name, "client": f"sender {number}"}
    if one.action != "trigger":
        return event
    return {**event, "payload": {"summary": title(one), "source": "campaign", "severity": WORDS[one.severity]}}


def _generic(one: Said, number: int) -> dict[str, Any]:
    said = {"key": one.name, "title": title(one), "severity": one.severity, "value": number}
    return {**said, "status": DONE[one.action], **({"failure_mode": one.mode} if one.mode else {})}
