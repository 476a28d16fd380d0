"""A module is taken away."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import SENTINEL, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.treasury, "disableModule(address,address)", SENTINEL, stage.standing)


def before(stage: Stage) -> None:
    stage.send(stage.treasury, "enableModule(address)", stage.standing, sender=stage.treasury)


CASE = Honest("A module is taken away.", tx=tx, before=before)
