"""The page that people use."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from incidents.monitors import MONITORS, Answer, At, Breach, Calm, MonitorType, Page, Verdict
from integrations import outgoing
from integrations.families import Config as Base


def _url(value: Any) -> Any:
    try:
        outgoing.read_url(str(value))
    except outgoing.OutgoingError as error:
        raise ValueError(error.message) from None
    return value


@MONITORS.register("interface_down")
class InterfaceDown(MonitorType):
    """The protocol's interface does not answer, answers with an error, or without the text that should be in it."""

    label = "Interface is down"
    fault = "interface-down"
    icon = "alarm"
    severity = "SEV3"
    now = True
    figure = "took_ms"

    class Config(Base):
        url: Annotated[str, BeforeValidator(_url)] = Field(max_length=500, description="where the interface is, https")
        name: str = Field(min_length=1, max_length=60, description="what it is called")
        contains: str = Field(default="", max_length=200, description="a text that must be in the page; empty: any")
        timeout: int = Field(default=5, ge=1, le=15, description="seconds it may take")

    @classmethod
    def key(cls, config: Any) -> str:
        return f"interface_down:{config.url}"[:150]

    @classmethod
    def reads(cls, config: Any) -> Sequence[Page]:
        return [Page(config.url, config.timeout, config.contains)]

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        seen = answers[0]
        reading = {"took_ms": seen.took_ms, "limit": config.timeout * 1000, "status": seen.status}
        if seen.problem:
            return Breach(f"{config.name} is down: {seen.problem}"[:200], reading)
        return Calm(reading)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"{config.name} answers"
