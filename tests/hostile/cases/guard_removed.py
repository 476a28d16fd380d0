"""The guard that limits each payment is taken away, and its limit with it."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, ZERO, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.treasury, "setGuard(address)", ZERO)


def before(stage: Stage) -> None:
    stage.send(stage.treasury, "setGuard(address)", stage.thrift, sender=stage.treasury)


def then(stage: Stage) -> None:
    stage.force(stage.safe_tx(stage.call(stage.thief_address, value=50 * ETHER)))


CASE = Hostile(
    shape="batch of plain calls",
    cause="a limiting guard taken away",
    caught="safe_change",
    takes="ether",
    tx=tx,
    before=before,
    then=then,
)
