"""Groups of labelled alerts, as Prometheus' Alertmanager sends them and Grafana after it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from integrations.families import Config as Base
from integrations.inbound import Action, Incoming, typed
from integrations.inbound.reading import (
    Severities,
    failure_mode,
    items,
    part,
    passage,
    record_of,
    severity,
    text,
    title,
)
from ledger.errors import Invalid

STATUSES = {"firing": Action.TRIGGER, "resolved": Action.RESOLVE}


class LabelConfig(Base):
    """Which labels mean what; the defaults are what most rules use."""

    title: str = Field(default="summary", max_length=60, description="annotation (or label) that becomes the title")
    severity: str = Field(default="severity", max_length=60, description="label that says how grave it is")
    severities: Severities = Field(default="", description="the label's own words, such as page=SEV1, ticket=SEV3")
    failure_mode: str = Field(default="failure_mode", max_length=60, description="label that names the failure mode")


def read_group(config: LabelConfig, body: Any, hint: str) -> Sequence[Incoming]:
    group = record_of(body, hint)
    found = items(group, "alerts")
    if not found:
        raise Invalid("alerts", "is empty", "at least one alert")
    return [_alert(config, one, f"alerts.{number}") for number, one in enumerate(found)]


def _alert(config: LabelConfig, one: Mapping[str, Any], path: str) -> Incoming:
    status = text(one, "status", path, longest=20, required=True).lower()
    if status not in STATUSES:
        raise Invalid(f"{path}.status", f"{status!r} is not a status", "firing or resolved")
    labels, notes = _words(one, "labels", path), _words(one, "annotations", path)
    name = text(labels, "alertname", f"{path}.labels", longest=500)
    mode = labels.get(config.failure_mode, "")
    return Incoming(
        key=_key(one, labels, path),
        title=title(notes.get(config.title, ""), labels.get(config.title, ""), notes.get("title", ""), name),
        action=STATUSES[status],
        severity=severity(labels.get(config.severity, ""), config.severities),
        failure_mode=failure_mode(mode, f"{path}.labels.{config.failure_mode}"),
        detail={
            "labels": labels,
            "annotations": notes,
            "since": passage(one, "startsAt", path, longest=60),
            "link": passage(one, "generatorURL", path, longest=2_000),
        },
    )


def _words(one: Mapping[str, Any], name: str, path: str) -> dict[str, str]:
    """Labels are text by text; what is not is refused with its place."""
    found = part(one, name, path)
    for label, value in found.items():
        if not isinstance(value, str):
            raise Invalid(f"{path}.{name}.{label}"[:200], "is not text", "labels and annotations are text")
    return dict(found)


def _key(one: Mapping[str, Any], labels: Mapping[str, str], path: str) -> str:
    """The sender's fingerprint is over all labels; one too old to send it is told apart by the labels themselves."""
    if fingerprint := text(one, "fingerprint", path, longest=200):
        return typed("fingerprint", fingerprint)
    if not labels:
        raise Invalid(f"{path}.labels", "is empty, and there is no fingerprint", "labels that tell alerts apart")
    return typed("labels", hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:32])
