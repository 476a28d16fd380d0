"""A pool that was deployed this morning, with a good rate."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.pit, "deposit()", value=50 * ETHER)


CASE = Hostile(
    shape="deposit into an unregistered contract",
    cause="a contract of today keeps it",
    caught="young_target",
    takes="ether",
    tx=tx,
)
