"""The wards of a Maker-like contract."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.till, "rely(address)", stage.thief_address)


def then(stage: Stage) -> None:
    stage.send(stage.till, "cage(address)", stage.thief_address)


CASE = Hostile(
    shape="plain call of a contract with wards",
    cause="a ward added",
    caught="role_change",
    takes="ether",
    tx=tx,
    then=then,
)
