"""A payment to nobody we know."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.thief_address, value=50 * ETHER)


CASE = Hostile(
    shape="plain transfer",
    cause="ether to a stranger",
    caught="unknown_value",
    takes="ether",
    tx=tx,
)
