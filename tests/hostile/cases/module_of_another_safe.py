"""This Safe is a module of another one, and uses that."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(
        stage.old, "execTransactionFromModule(address,uint256,bytes,uint8)", stage.thief_address, 50 * ETHER, b"", 0
    )


def before(stage: Stage) -> None:
    stage.send(stage.old, "enableModule(address)", stage.treasury, sender=stage.old)


CASE = Hostile(
    shape="execTransactionFromModule on another Safe",
    cause="that Safe's ether sent to a stranger",
    caught="unknown_value",
    takes="ether",
    tx=tx,
    before=before,
)
