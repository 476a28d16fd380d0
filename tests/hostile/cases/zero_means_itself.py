"""Since 1.5.0 a batch that calls the zero address calls the Safe itself."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    call = stage.call(stage.new, "addOwnerWithThreshold(address,uint256)", stage.stranger(1).address, 1)
    packed = bytes(1 + 20) + bytes(32) + len(call.data).to_bytes(32, "big") + call.data
    return stage.delegate(
        stage.d.safe_contracts["1.5.0"]["multi_send_call_only"], "multiSend(bytes)", packed, safe="new"
    )


def then(stage: Stage) -> None:
    stage.force(stage.safe_tx(stage.call(stage.thief_address, value=50 * ETHER, safe="new")), by=(stage.stranger(1),))


CASE = Hostile(
    shape="batch with the zero address for the Safe, version 1.5.0",
    cause="an owner added with threshold 1",
    caught="safe_change",
    takes="ether",
    tx=tx,
    then=then,
)
