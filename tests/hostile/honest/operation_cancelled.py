"""A hostile operation is cancelled."""

from integrations.devnet.abi import calldata
from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    words = [stage.vault, 0, calldata("unpause()"), bytes(32), bytes(32)]
    identity = stage.ask(
        stage.timelock, "hashOperation(address,uint256,bytes,bytes32,bytes32)", *words, returns="bytes32"
    )
    return stage.call(stage.timelock, "cancel(bytes32)", identity)


def before(stage: Stage) -> None:
    stage.force(stage.safe_tx(stage.scheduled(stage.call(stage.vault, "unpause()"))))


CASE = Honest("A hostile operation is cancelled.", tx=tx, before=before)
