"""Not the proxy is called but the beacon that it asks."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.beacon, "upgradeTo(address)", stage.hollow)


def then(stage: Stage) -> None:
    stage.send(stage.beaconed, "sweep(address)", stage.thief_address)


CASE = Hostile(
    shape="plain call of a beacon",
    cause="the code of all its proxies replaced",
    caught="implementation_change",
    takes="ether",
    tx=tx,
    then=then,
)
