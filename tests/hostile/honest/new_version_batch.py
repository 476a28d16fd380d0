"""A batch on version 1.5.0."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.batch(
        stage.call(stage.usd, "transfer(address,uint256)", stage.vendor, USD),
        stage.call(stage.treasury, value=1),
        safe="new",
    )


CASE = Honest("A batch on version 1.5.0.", tx=tx)
