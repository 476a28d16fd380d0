"""The till has a function that its pinned ABI does not tell of."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.till, "skim(address)", stage.thief_address)


CASE = Hostile(
    shape="unknown selector on a registered contract",
    cause="a function nobody documented",
    caught="unknown_selector",
    takes="ether",
    tx=tx,
)
