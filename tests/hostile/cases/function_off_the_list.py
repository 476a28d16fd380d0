"""A known function of a known contract, which the Safe has no business with."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.till, "sweepTo(address)", stage.thief_address)


CASE = Hostile(
    shape="known function off the allow-list",
    cause="the whole till emptied",
    caught="allow_list",
    takes="ether",
    tx=tx,
)
