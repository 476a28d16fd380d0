"""A batch on version 1.3.0."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.batch(
        stage.call(stage.usd, "transfer(address,uint256)", stage.vendor, USD),
        stage.call(stage.vendor, value=1),
        safe="old",
    )


CASE = Honest("A batch on version 1.3.0.", tx=tx)
