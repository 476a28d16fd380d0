"""Before the attack: the only one who can pause may no longer."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage, role


def tx(stage: Stage) -> Draft:
    return stage.call(stage.vault, "revokeRole(bytes32,address)", role("GUARDIAN_ROLE"), stage.treasury)


CASE = Hostile(
    shape="plain call of an access-controlled contract",
    cause="guardian role taken from who pauses",
    caught="role_change",
    takes="no pause",
    tx=tx,
)
