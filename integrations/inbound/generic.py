"""Any JSON object, mapped by expressions: where in it the key, the title, the severity and the status stand."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from integrations.expressions import ExpressionError
from integrations.families import Config as Base
from integrations.inbound import INBOUND, Action, InboundFormat, Incoming, typed
from integrations.inbound.mapping import Mapped, value_of
from integrations.inbound.reading import (
    MOST_ALERTS,
    WORDS,
    Severities,
    digest,
    failure_mode,
    line,
    record_of,
    severity,
)
from ledger.errors import Invalid

HINT = '{"key": "…", "title": "…", "severity": "SEV2"}'


@INBOUND.register("generic")
class Generic(InboundFormat):
    """For senders that have no format of their own here, and for scripts."""

    label = "Generic JSON, mapped"
    told = "with a status that is one of the resolved words, and the same key"

    class Config(Base):
        each: Mapped = Field(default="", description="path of a list, if one payload holds several alerts")
        when: Mapped = Field(default="", description="an expression; where it is not true there is no alert")
        key: Mapped = Field(default="key", description="what tells alerts apart; without one, each payload is its own")
        title: Mapped = "title"
        severity: Mapped = "severity"
        severities: Severities = Field(default="", description="the sender's own words, such as page=SEV1, ticket=SEV3")
        status: Mapped = "status"
        failure_mode: Mapped = "failure_mode"
        resolved: str = Field(default="resolved, ok, cleared, closed", max_length=200, description="words for its end")
        acknowledged: str = Field(default="acknowledged, acked", max_length=200, description="words for: seen to")

    @classmethod
    def read(cls, config: Any, body: Any) -> Sequence[Incoming]:
        record = record_of(body, HINT)
        if not config.each:
            return _alerts(config, [record], record)
        found = _value(config.each, {**record, "body": record}, "each")
        if not isinstance(found, list) or len(found) > MOST_ALERTS:
            raise Invalid("each", f"{config.each} is not a list of at most {MOST_ALERTS} alerts")
        for number, one in enumerate(found):
            if not isinstance(one, Mapping):
                raise Invalid(f"{config.each}.{number}", "is not an object")
        return _alerts(config, found, record)


def _alerts(config: Any, found: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> list[Incoming]:
    names = [{**one, "item": one, "body": body} for one in found]
    return [_alert(config, each, one) for each, one in zip(names, found, strict=True) if _wanted(config, each)]


def _alert(config: Any, names: Mapping[str, Any], item: Mapping[str, Any]) -> Incoming:
    action = _action(config, _text(config.status, names).lower())
    key = _text(config.key, names)
    if not key and action is not Action.TRIGGER:
        raise Invalid(config.key, "is missing", "the key with which it was triggered")
    return Incoming(
        key=typed("key", key) if key else typed("payload", digest(item)),
        title=_text(config.title, names, required=True),
        action=action,
        severity=_severity(_text(config.severity, names), config),
        failure_mode=failure_mode(_text(config.failure_mode, names), config.failure_mode),
        detail=dict(item),
    )


def _action(config: Any, status: str) -> Action:
    for words, action in ((config.resolved, Action.RESOLVE), (config.acknowledged, Action.ACKNOWLEDGE)):
        if status and status in (word.strip().lower() for word in words.split(",")):
            return action
    return Action.TRIGGER


def _wanted(config: Any, names: Mapping[str, Any]) -> bool:
    if not config.when:
        return True
    found = _value(config.when, names, "when")
    if not isinstance(found, bool):
        raise Invalid("when", "is neither true nor false for this payload", 'a condition, such as state == "alert"')
    return found


def _text(source: str, names: Mapping[str, Any], *, required: bool = False) -> str:
    value = _value(source, names, source)
    if isinstance(value, str) and not value.strip() and required:
        raise Invalid(source, "is missing, or is not text", "a few words")
    return line(value, source, longest=200, required=required)


def _value(source: str, names: Mapping[str, Any], where: str) -> Any:
    try:
        return value_of(source, names)
    except ExpressionError as error:
        raise Invalid(where, str(error)) from None


def _severity(word: str, config: Any) -> str:
    found = severity(word, config.severities)
    if word and not found:
        raise Invalid(config.severity, f"{word!r} is not a severity", f"SEV1 to SEV4, or one of {', '.join(WORDS)}")
    return found
