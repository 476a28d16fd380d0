"""PagerDuty's Events API v2: an existing sender changes its address and its routing key, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

from integrations.families import Config as Base
from integrations.inbound import INBOUND, Action, InboundFormat, Incoming, typed
from integrations.inbound.reading import digest, part, record_of, text, title, words
from ledger.errors import Invalid

SEVERITIES = {"critical": "SEV1", "error": "SEV2", "warning": "SEV3", "info": "SEV4"}
HINT = '{"routing_key": "…", "event_action": "trigger", "payload": {"summary": "…", "source": "…", "severity": "…"}}'
SHOWN = ("source", "component", "group", "class", "timestamp", "custom_details")


@INBOUND.register("pagerduty")
class PagerDuty(InboundFormat):
    """Events of any program that speaks to PagerDuty: triggered, acknowledged and resolved by its dedup key."""

    label = "PagerDuty Events v2"
    withheld = ("routing_key",)
    told = "with event_action resolve and the same dedup_key"

    class Config(Base):
        """Nothing to set: the format is PagerDuty's."""

    @classmethod
    def read(cls, config: Any, body: Any) -> Sequence[Incoming]:
        event = record_of(body, HINT)
        said = text(event, "event_action", longest=20, required=True)
        if said not in tuple(Action):
            raise Invalid("event_action", f"{said!r} is not known", "trigger, acknowledge or resolve")
        action = Action(said)
        payload = part(event, "payload", required=action is Action.TRIGGER)
        summary = words(payload, "summary", "payload", required=action is Action.TRIGGER)
        return [
            Incoming(
                key=typed("dedup_key", _dedup_key(event, action)),
                title=title(summary),
                action=action,
                severity=_severity(payload) if action is Action.TRIGGER else "",
                detail={
                    **{name: payload[name] for name in SHOWN if name in payload},
                    **{name: event[name] for name in ("client", "client_url", "links") if name in event},
                },
            )
        ]

    @classmethod
    def answer(cls, body: Any) -> Mapping[str, Any]:
        return {"status": "success", "message": "Event processed", "dedup_key": _dedup_key(body, Action.TRIGGER)}


def _dedup_key(event: Mapping[str, Any], action: Action) -> str:
    """Without one, PagerDuty makes one up and answers it; ours is the event's hash, so that a repetition is none."""
    key = text(event, "dedup_key", longest=255)
    if not key and action is not Action.TRIGGER:
        raise Invalid("dedup_key", "is missing", "the one with which it was triggered")
    return key or digest({name: value for name, value in event.items() if name != "routing_key"})


def _severity(payload: Mapping[str, Any]) -> str:
    text(payload, "source", "payload", required=True)
    word = text(payload, "severity", "payload", longest=20, required=True)
    if word not in SEVERITIES:
        raise Invalid("payload.severity", f"{word!r} is not a severity", ", ".join(SEVERITIES))
    return SEVERITIES[word]
