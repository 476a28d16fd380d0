"""The implementation is our own; the call that it is initialised with grants a role."""

from integrations.devnet.abi import calldata
from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage, role


def tx(stage: Stage) -> Draft:
    grant = calldata("grantRole(bytes32,address)", role("UPGRADER_ROLE"), stage.thief_address)
    return stage.call(stage.vault, "upgradeToAndCall(address,bytes)", stage.vault2, grant)


def then(stage: Stage) -> None:
    stage.send(stage.vault, "upgradeToAndCall(address,bytes)", stage.hollow, b"")
    stage.send(stage.vault, "sweepToken(address,address)", stage.usd, stage.thief_address)


CASE = Hostile(
    shape="data run while upgrading",
    cause="upgrader role granted",
    caught="role_change",
    takes="usd",
    tx=tx,
    then=then,
)
