"""A registered Safe becomes a guardian, through the timelock."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage, role


def tx(stage: Stage) -> Draft:
    return stage.scheduled(stage.call(stage.vault, "grantRole(bytes32,address)", role("GUARDIAN_ROLE"), stage.old))


CASE = Honest("A registered Safe becomes a guardian, through the timelock.", tx=tx)
