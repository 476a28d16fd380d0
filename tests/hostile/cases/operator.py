"""An operator moves everything, and no event tells."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.note, "authorizeOperator(address)", stage.thief_address)


def then(stage: Stage) -> None:
    stage.send(stage.note, "transferFrom(address,address,uint256)", stage.treasury, stage.thief_address, 50_000)


CASE = Hostile(
    shape="plain call of a token",
    cause="authorizeOperator",
    caught="unlimited_approval",
    takes="note",
    tx=tx,
    then=then,
)
