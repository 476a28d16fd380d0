"""The right address, on a chain where other code stands there."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.batch(stage.call(stage.vault, "pause()"), stage.call(stage.till, "beat()"))


def before(stage: Stage) -> None:
    pinned = stage.d.safe_contracts["1.4.1"]["multi_send_call_only"]
    stage.rpc("anvil_setCode", pinned, "0x" + stage.rpc.code(stage.lookalike).hex())


CASE = Hostile(
    shape="batch through the pinned address",
    cause="other code stands at the pinned address",
    caught="delegatecall",
    takes="ether",
    tx=tx,
    before=before,
)
