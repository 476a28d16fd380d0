"""A registered contract that is no longer what was registered."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.till, "fund()", value=5 * ETHER)


def before(stage: Stage) -> None:
    stage.rpc("anvil_setCode", stage.till, "0x" + stage.built["Swapped"]["code"])


def then(stage: Stage) -> None:
    stage.send(stage.till, "sweep(address)", stage.thief_address)


CASE = Hostile(
    shape="deposit into a registered contract",
    cause="its code was replaced since",
    caught="code_changed",
    takes="ether",
    tx=tx,
    before=before,
    then=then,
)
