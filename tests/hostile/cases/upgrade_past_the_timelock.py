"""The Safe was left the upgrader's role, and uses it."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.vault, "upgradeToAndCall(address,bytes)", stage.hollow, b"")


def then(stage: Stage) -> None:
    stage.send(stage.vault, "sweepToken(address,address)", stage.usd, stage.thief_address)


CASE = Hostile(
    shape="plain call of a proxy",
    cause="its code replaced at once",
    caught="implementation_change",
    takes="usd",
    tx=tx,
    then=then,
)
