"""The seventh of eight calls, on the oldest version."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    honest = [
        stage.call(stage.usd, "transfer(address,uint256)", stage.vendor, number, safe="old") for number in range(1, 8)
    ]
    hidden = stage.call(stage.old, "enableModule(address)", stage.leech)
    return stage.batch(*honest[:6], hidden, honest[6], safe="old")


def then(stage: Stage) -> None:
    stage.send(stage.leech, "take(address,address)", stage.old, stage.thief_address)


CASE = Hostile(
    shape="batch of plain calls, version 1.3.0",
    cause="a stranger's module enabled",
    caught="safe_change",
    takes="ether",
    tx=tx,
    then=then,
)
