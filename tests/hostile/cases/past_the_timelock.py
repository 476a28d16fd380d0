"""A setting that belongs to the timelock, changed at once by a role that was left behind."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.till, "setPayee(address)", stage.thief_address)


def then(stage: Stage) -> None:
    stage.send(stage.till, "payout()")


CASE = Hostile(
    shape="privileged call past its timelock",
    cause="the payee changed at once",
    caught="bypassed_timelock",
    takes="ether",
    tx=tx,
    then=then,
)
