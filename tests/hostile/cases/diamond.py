"""One facet more, with one function more."""

from integrations.chain.abi import selector
from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ZERO, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(
        stage.diamond,
        "diamondCut((address,uint8,bytes4[])[],address,bytes)",
        [(stage.hollow, 0, [selector("sweep(address)")])],
        ZERO,
        b"",
    )


def then(stage: Stage) -> None:
    stage.send(stage.diamond, "sweep(address)", stage.thief_address)


CASE = Hostile(
    shape="plain call of a diamond",
    cause="a function added to it",
    caught="implementation_change",
    takes="ether",
    tx=tx,
    then=then,
)
