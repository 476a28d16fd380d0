"""A batch through a contract that has MultiSendCallOnly's functions, and another mind."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    honest = stage.batch(stage.call(stage.vault, "pause()"), stage.call(stage.till, "beat()"))
    return Draft(stage.lookalike, honest.data, operation=1)


CASE = Hostile(
    shape="batch through a look-alike of MultiSendCallOnly",
    cause="its code sends the ether away",
    caught="delegatecall",
    takes="ether",
    tx=tx,
)
