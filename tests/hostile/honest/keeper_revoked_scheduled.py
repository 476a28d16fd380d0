"""A keeper whose key is lost loses its role, through the timelock."""

from integrations.devnet.chain import KEEPER
from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage, role


def tx(stage: Stage) -> Draft:
    return stage.scheduled(stage.call(stage.vault, "revokeRole(bytes32,address)", role("KEEPER_ROLE"), KEEPER.address))


CASE = Honest("A keeper whose key is lost loses its role, through the timelock.", tx=tx)
