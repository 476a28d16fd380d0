"""The refund is in a token, and its price is one that nobody reads as money."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.till, "beat()", gas={"base_gas": 10**6, "gas_price": 20_000, "gas_token": stage.usd})


CASE = Hostile(
    shape="plain call with gas fields",
    cause="refund in a token to whoever sends it",
    caught="gas_refund",
    takes="usd",
    tx=tx,
)
