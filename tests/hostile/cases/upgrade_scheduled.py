"""The same through the timelock: ten minutes later anybody may execute it."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.scheduled(stage.call(stage.vault, "upgradeToAndCall(address,bytes)", stage.hollow, b""))


def then(stage: Stage) -> None:
    stage.run_scheduled(stage.call(stage.vault, "upgradeToAndCall(address,bytes)", stage.hollow, b""))
    stage.send(stage.vault, "sweepToken(address,address)", stage.usd, stage.thief_address)


CASE = Hostile(
    shape="scheduled in a timelock",
    cause="a proxy's code replaced",
    caught="implementation_change",
    takes="usd",
    tx=tx,
    then=then,
)
