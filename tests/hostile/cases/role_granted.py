"""The upgrader's role for a stranger."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage, role


def tx(stage: Stage) -> Draft:
    return stage.call(stage.vault, "grantRole(bytes32,address)", role("UPGRADER_ROLE"), stage.thief_address)


def then(stage: Stage) -> None:
    stage.send(stage.vault, "upgradeToAndCall(address,bytes)", stage.hollow, b"")
    stage.send(stage.vault, "sweepToken(address,address)", stage.usd, stage.thief_address)


CASE = Hostile(
    shape="plain call of an access-controlled contract",
    cause="upgrader role granted",
    caught="role_change",
    takes="usd",
    tx=tx,
    then=then,
)
