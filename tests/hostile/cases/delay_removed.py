"""The timelock is told to wait no longer; what follows needs no patience."""

from integrations.devnet.abi import calldata
from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.scheduled(stage.call(stage.timelock, "updateDelay(uint256)", 0))


def then(stage: Stage) -> None:
    stage.run_scheduled(stage.call(stage.timelock, "updateDelay(uint256)", 0))
    grab = stage.call(stage.vault, "upgradeToAndCall(address,bytes)", stage.hollow, b"")
    stage.force(stage.safe_tx(stage.scheduled(grab, delay=0)))
    stage.raw(
        stage.timelock,
        calldata("execute(address,uint256,bytes,bytes32,bytes32)", grab.to, 0, grab.data, bytes(32), bytes(32)),
    )
    stage.send(stage.vault, "sweepToken(address,address)", stage.usd, stage.thief_address)


CASE = Hostile(
    shape="scheduled in a timelock",
    cause="its delay set to nothing",
    caught="bypassed_timelock",
    takes="usd",
    tx=tx,
    then=then,
)
