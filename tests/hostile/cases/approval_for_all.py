"""All deeds, present and future."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.deed, "setApprovalForAll(address,bool)", stage.thief_address, True)


def then(stage: Stage) -> None:
    stage.send(stage.deed, "safeTransferFrom(address,address,uint256)", stage.treasury, stage.thief_address, 7)


CASE = Hostile(
    shape="plain call of a collection",
    cause="setApprovalForAll",
    caught="unlimited_approval",
    takes="deed",
    tx=tx,
    then=then,
)
