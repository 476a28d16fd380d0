"""Prometheus Alertmanager: `webhook_configs`, version 4 of its payload."""

from collections.abc import Sequence
from typing import Any

from integrations.inbound import INBOUND, InboundFormat, Incoming
from integrations.inbound.labels import LabelConfig, read_group
from integrations.inbound.reading import record_of, text
from ledger.errors import Invalid

HINT = 'what Alertmanager sends: {"version": "4", "alerts": […]}'


@INBOUND.register("alertmanager")
class Alertmanager(InboundFormat):
    """Groups of alerts of Prometheus' Alertmanager; each alert is told apart by its fingerprint."""

    label = "Prometheus Alertmanager"
    told = "with status resolved, while send_resolved is on (it is by default)"
    Config = LabelConfig

    @classmethod
    def read(cls, config: Any, body: Any) -> Sequence[Incoming]:
        version = text(record_of(body, HINT), "version", longest=10)
        if version != "4":
            raise Invalid("version", f"{version!r} is not known", HINT)
        return read_group(config, body, HINT)
