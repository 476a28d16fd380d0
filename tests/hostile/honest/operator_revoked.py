"""An operator loses its leave."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.deed, "setApprovalForAll(address,bool)", stage.passport, False)


CASE = Honest("An operator loses its leave.", tx=tx)
