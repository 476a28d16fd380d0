"""The till pays many at once; one of them is a stranger."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    calls = [(stage.vendor, False, 10**15, b""), (stage.thief_address, False, 10 * ETHER, b"")]
    return stage.call(stage.till, "aggregate3Value((address,bool,uint256,bytes)[])", calls)


CASE = Hostile(
    shape="payments in an aggregate3Value",
    cause="a till's ether to a stranger",
    caught="unknown_value",
    takes="ether",
    tx=tx,
)
