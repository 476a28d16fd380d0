"""A heartbeat."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.till, "beat()")


CASE = Honest("A heartbeat.", tx=tx)
