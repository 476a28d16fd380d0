"""An owner is paid back."""

from integrations.devnet.chain import DAN
from tests.hostile.case import Draft, Honest
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(DAN.address, value=ETHER)


CASE = Honest("An owner is paid back.", tx=tx)
