"""A transaction of ours that is not mined."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Breach, Calm, Flights, MonitorType, Verdict
from integrations.families import Config as Base


@MONITORS.register("stuck_transaction")
class StuckTransaction(MonitorType):
    """One of our own transactions has waited for too many blocks to be mined."""

    label = "Transaction is stuck"
    fault = "fee-spike"
    icon = "clock"
    now = True
    figure = "waited"

    class Config(Base):
        limit: int = Field(default=10, ge=1, le=10_000, description="most blocks that one may wait")

    @classmethod
    def key(cls, config: Any) -> str:
        return "stuck_transaction"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Flights]:
        return [Flights()]

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        waiting = sorted(answers[0], key=lambda one: -one.blocks)
        waited = waiting[0].blocks if waiting else 0
        reading = {"waited": waited, "limit": config.limit, "under way": len(waiting)}
        late = [one for one in waiting if one.blocks > config.limit]
        if late:
            more = f", and {len(late) - 1} more" if len(late) > 1 else ""
            return Breach(f"Transaction {late[0].pk} has not been mined for {waited} blocks{more}", reading)
        return Calm(reading)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"our transactions are mined within {config.limit} blocks"
