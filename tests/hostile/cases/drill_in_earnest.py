"""A drill pays a practice account, whose key everybody has; the chain is the real one."""

from integrations.devnet.chain import KEYS
from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    stage.thief_address = KEYS[4].address
    return stage.call(stage.thief_address, value=10 * ETHER, environment="drill", chain_kind="live")


CASE = Hostile(
    shape="proposal of a drill",
    cause="signed on a live chain",
    caught="drill_live",
    takes="ether",
    tx=tx,
)
