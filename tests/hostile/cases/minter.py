"""A token's minter: money for one, a loss for everybody."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import USD, Stage, role


def tx(stage: Stage) -> Draft:
    return stage.call(stage.usd, "grantRole(bytes32,address)", role("MINTER_ROLE"), stage.thief_address)


def then(stage: Stage) -> None:
    stage.send(stage.usd, "mint(address,uint256)", stage.thief_address, 1_000_000 * USD)


CASE = Hostile(
    shape="plain call of a token",
    cause="minter role granted",
    caught="role_change",
    takes="printed money",
    tx=tx,
    then=then,
)
