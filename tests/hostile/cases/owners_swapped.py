"""Two of three owners are replaced in one batch, among a payment and a heartbeat."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, SENTINEL, Stage


def tx(stage: Stage) -> Draft:
    a, b = (stage.stranger(number) for number in (1, 2))
    carol, dan, _ = stage.ask(stage.treasury, "getOwners()", returns="address[]")
    swap = "swapOwner(address,address,address)"
    return stage.batch(
        stage.call(stage.till, "beat()"),
        stage.call(stage.treasury, swap, SENTINEL, carol, a.address),
        stage.call(stage.treasury, swap, a.address, dan, b.address),
    )


def then(stage: Stage) -> None:
    stage.force(
        stage.safe_tx(stage.call(stage.thief_address, value=50 * ETHER)), by=(stage.stranger(1), stage.stranger(2))
    )


CASE = Hostile(
    shape="batch of plain calls",
    cause="two owners replaced",
    caught="safe_change",
    takes="ether",
    tx=tx,
    then=then,
)
