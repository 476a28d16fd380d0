"""An owner's key is lost; a known person takes the place."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import SENTINEL, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(
        stage.treasury,
        "swapOwner(address,address,address)",
        SENTINEL,
        stage.ask(stage.treasury, "getOwners()", returns="address[]")[0],
        stage.vendor,
    )


CASE = Honest("An owner's key is lost; a known person takes the place.", tx=tx)
