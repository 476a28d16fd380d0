"""Radiant, 16 October 2024: on the screens an adjustment, on the devices the ownership of the lending pools."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.batch(
        stage.call(stage.till, "beat()"),
        stage.call(stage.till, "transferOwnership(address)", stage.thief_address),
        stage.call(stage.vault, "setMode(uint8)", 1),
    )


def then(stage: Stage) -> None:
    stage.send(stage.till, "sweepTo(address)", stage.thief_address)


CASE = Hostile(
    shape="batch of plain calls",
    cause="ownership transferred among adjustments",
    caught="role_change",
    takes="ether",
    tx=tx,
    then=then,
    incident="Radiant Capital, 16 October 2024",
)
