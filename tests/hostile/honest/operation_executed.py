"""An operation that has waited long enough is executed."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    unpause = stage.call(stage.vault, "unpause()")
    return stage.call(
        stage.timelock,
        "execute(address,uint256,bytes,bytes32,bytes32)",
        unpause.to,
        0,
        unpause.data,
        bytes(32),
        bytes(32),
    )


def before(stage: Stage) -> None:
    stage.force(
        stage.safe_tx(
            stage.batch(stage.call(stage.vault, "pause()"), stage.scheduled(stage.call(stage.vault, "unpause()")))
        )
    )
    stage.wait(601)


CASE = Honest("An operation that has waited long enough is executed.", tx=tx, before=before)
