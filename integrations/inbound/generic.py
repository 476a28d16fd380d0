"""Any JSON object: the config says where in it the key, the title, the severity and the status stand."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from integrations.families import Config as Base
from integrations.inbound import INBOUND, InboundFormat, Incoming
from ledger.errors import Invalid

Path = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){0,7}$")]
SEVERITY = re.compile(r"^(SEV)?([1-4])$", re.IGNORECASE | re.ASCII)
WORDS = {"critical": "SEV1", "high": "SEV2", "error": "SEV2", "warning": "SEV3", "medium": "SEV3", "low": "SEV4"}


@INBOUND.register("generic")
class Generic(InboundFormat):
    """For senders that have no format of their own here, and for scripts."""

    label = "Generic JSON"

    class Config(Base):
        key: Path = Field(default="key", description="path of the dedup key; without one in the payload, the title")
        title: Path = "title"
        severity: Path = "severity"
        status: Path = "status"
        failure_mode: Path = "failure_mode"
        resolved: tuple[str, ...] = Field(default=("resolved", "ok", "cleared", "closed"), max_length=20)

    @classmethod
    def read(cls, config: Any, body: Any) -> Sequence[Incoming]:
        if not isinstance(body, Mapping):
            raise Invalid("", "the payload must be a JSON object", '{"title": "…", "severity": "SEV2"}')
        title = _text(body, config.title, required=True)
        status = _text(body, config.status).lower()
        return [
            Incoming(
                key=_text(body, config.key) or title,
                title=title,
                severity=_severity(_text(body, config.severity), config.severity),
                firing=status not in config.resolved,
                failure_mode=_slug(_text(body, config.failure_mode), config.failure_mode),
                detail=dict(body),
            )
        ]


def _text(body: Mapping[str, Any], path: str, *, required: bool = False) -> str:
    value: Any = body
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None and not required:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise Invalid(path, "is missing, or is not text", "a few words")
    text = str(value).strip()
    if len(text) > 200:
        raise Invalid(path, "is longer than 200 characters")
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise Invalid(path, "holds control characters", "plain text")
    return text


def _severity(text: str, path: str) -> str:
    if not text:
        return ""
    match = SEVERITY.match(text)
    if match:
        return f"SEV{match.group(2)}"
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    raise Invalid(path, f"{text!r} is not a severity", f"SEV1 to SEV4, or one of {', '.join(WORDS)}")


def _slug(text: str, path: str) -> str:
    if text and not re.fullmatch(r"[a-z0-9-]{1,63}", text):
        raise Invalid(path, "is not a failure mode's name", "lower-case letters, digits and -")
    return text
