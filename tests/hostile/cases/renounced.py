"""Ownership is given up, and whoever comes first may take what is abandoned."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.till, "renounceOwnership()")


def then(stage: Stage) -> None:
    stage.send(stage.till, "claimAbandoned()")
    stage.send(stage.till, "sweepTo(address)", stage.thief_address)


CASE = Hostile(
    shape="plain call of an owned contract",
    cause="ownership given up",
    caught="role_change",
    takes="ether",
    tx=tx,
    then=then,
)
