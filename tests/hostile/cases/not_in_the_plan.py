"""The plan pays the vendor; the proposal that names it pays somebody else as well."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    paid = stage.call(stage.usd, "transfer(address,uint256)", stage.vendor, 100 * USD)
    more = stage.call(stage.usd, "transfer(address,uint256)", stage.thief_address, 20_000 * USD)
    said = [{"to": paid.to, "value": "0", "data": "0x" + paid.data.hex()}]
    return stage.batch(paid, more, environment="live", plan_calls=said)


CASE = Hostile(
    shape="proposal that names a plan",
    cause="a call that the plan does not contain",
    caught="outside_plan",
    takes="usd",
    tx=tx,
)
