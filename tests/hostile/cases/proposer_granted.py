"""The second of three scheduled calls makes a stranger proposer of the timelock itself."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage, role


def scheduled(stage: Stage) -> list[Draft]:
    return [
        stage.call(stage.vault, "setGracePeriod(uint64)", 7200),
        stage.call(stage.timelock, "grantRole(bytes32,address)", role("PROPOSER_ROLE"), stage.thief_address),
        stage.call(stage.vault, "unpause()"),
    ]


def tx(stage: Stage) -> Draft:
    return stage.scheduled(*scheduled(stage))


def then(stage: Stage) -> None:
    stage.run_scheduled(*scheduled(stage))
    upgrade = stage.call(stage.vault, "upgradeToAndCall(address,bytes)", stage.hollow, b"")
    stage.raw(stage.timelock, stage.scheduled(upgrade).data)
    stage.run_scheduled(upgrade)
    stage.send(stage.vault, "sweepToken(address,address)", stage.usd, stage.thief_address)


def before(stage: Stage) -> None:
    stage.send(stage.vault, "pause()", sender=stage.treasury)


CASE = Hostile(
    shape="scheduled batch in a timelock",
    cause="proposer role of the timelock granted",
    caught="role_change",
    takes="usd",
    tx=tx,
    before=before,
    then=then,
)
