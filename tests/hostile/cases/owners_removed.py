"""The others are removed; the threshold falls by itself."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, SENTINEL, Stage


def tx(stage: Stage) -> Draft:
    first, second, _ = stage.ask(stage.treasury, "getOwners()", returns="address[]")
    remove = "removeOwner(address,address,uint256)"
    return stage.batch(
        stage.call(stage.treasury, remove, SENTINEL, first, 1), stage.call(stage.treasury, remove, SENTINEL, second, 1)
    )


def then(stage: Stage) -> None:
    stage.force(stage.safe_tx(stage.call(stage.thief_address, value=50 * ETHER)), by=(stage.last_owner(),))


CASE = Hostile(
    shape="batch of plain calls",
    cause="all owners but one removed",
    caught="safe_change",
    takes="ether",
    tx=tx,
    then=then,
)
