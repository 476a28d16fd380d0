"""A plain call to a Safe of our own, which replaces that Safe's only owner."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, SENTINEL, Stage


def tx(stage: Stage) -> Draft:
    swap = stage.call(
        stage.child,
        "swapOwner(address,address,address)",
        SENTINEL,
        stage.treasury,
        stage.stranger(1).address,
        safe="child",
    )
    return stage.nested(swap)


def then(stage: Stage) -> None:
    stage.force(stage.safe_tx(stage.call(stage.thief_address, value=50 * ETHER, safe="child")), by=(stage.stranger(1),))


CASE = Hostile(
    shape="transaction of a child Safe",
    cause="its owner replaced",
    caught="safe_change",
    takes="ether",
    tx=tx,
    then=then,
)
