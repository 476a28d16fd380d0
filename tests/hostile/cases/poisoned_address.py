"""A payment to an address with the vendor's first and last digits, copied from the history."""

from integrations.chain.addresses import checksum
from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    stage.thief_address = checksum(stage.vendor[:8] + "0" * 28 + stage.vendor[-6:])
    return stage.call(stage.usd, "transfer(address,uint256)", stage.thief_address, 30_000 * USD)


CASE = Hostile(
    shape="transfer of a token",
    cause="an address that only looks like the vendor's",
    caught="unknown_value",
    takes="usd",
    tx=tx,
)
