"""The official fallback handler is set again."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(
        stage.treasury, "setFallbackHandler(address)", stage.d.safe_contracts["1.4.1"]["fallback_handler"]
    )


CASE = Honest("The official fallback handler is set again.", tx=tx)
