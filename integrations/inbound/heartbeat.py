"""Heartbeats: an address that something calls again and again. What is an alert is that it does not."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pydantic import Field

from integrations.families import Config as Base
from integrations.inbound import INBOUND, Action, InboundFormat, Incoming, typed


@INBOUND.register("heartbeat")
class Heartbeat(InboundFormat):
    """A dead-man switch for jobs, bots and other monitoring: too long a silence is an alert."""

    label = "Heartbeat"
    told = "with the next beat"
    any_body = True

    class Config(Base):
        period: int = Field(default=300, ge=10, le=7 * 86_400, description="seconds from one beat to the next")
        grace: int = Field(default=60, ge=0, le=7 * 86_400, description="seconds that a beat may be late")

    @classmethod
    def read(cls, config: Any, body: Any) -> Sequence[Incoming]:
        """Whatever is sent is a beat: it ends the alert that its absence was."""
        return [Incoming(key=typed("heartbeat", "missed"), title="A heartbeat is missing", action=Action.RESOLVE)]

    @classmethod
    def silence(cls, config: Any) -> timedelta:
        return timedelta(seconds=config.period + config.grace)
