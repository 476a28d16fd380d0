"""The Safe spends what another Safe had allowed it, and gives it away."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.note, "transferFrom(address,address,uint256)", stage.old, stage.thief_address, 50_000)


CASE = Hostile(
    shape="transferFrom with an allowance",
    cause="another Safe's tokens to a stranger",
    caught="unknown_value",
    takes="note",
    tx=tx,
)
