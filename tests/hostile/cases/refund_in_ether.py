"""An empty-looking call whose gas fields pay fifty ether to whoever is named."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(
        stage.till,
        "beat()",
        gas={"base_gas": 5 * 10**10, "gas_price": 10**9, "refund_receiver": stage.thief_address, "safe_tx_gas": 10**6},
    )


CASE = Hostile(
    shape="plain call with gas fields",
    cause="refund in ether to a named receiver",
    caught="gas_refund",
    takes="ether",
    tx=tx,
)
