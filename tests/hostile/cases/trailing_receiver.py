"""Twenty bytes behind the arguments, which no decoder shows and the contract reads."""

from integrations.devnet.abi import calldata
from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    data = calldata("settle(uint256)", 10 * ETHER) + bytes.fromhex(stage.thief_address[2:])
    return Draft(stage.till, data)


CASE = Hostile(
    shape="bytes behind the arguments",
    cause="a receiver named there",
    caught="trailing_bytes",
    takes="ether",
    tx=tx,
)
