"""Not the proxy is called but its admin."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.admin, "upgradeAndCall(address,address,bytes)", stage.managed, stage.hollow, b"")


def then(stage: Stage) -> None:
    stage.send(stage.managed, "sweep(address)", stage.thief_address)


CASE = Hostile(
    shape="plain call of a proxy's admin",
    cause="the managed proxy's code replaced",
    caught="implementation_change",
    takes="ether",
    tx=tx,
    then=then,
)
