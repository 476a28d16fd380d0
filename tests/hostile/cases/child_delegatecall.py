"""The call is plain, to a Safe of our own; what it has that Safe do is a delegatecall."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    inner = stage.delegate(stage.trojan, "transfer(address,uint256)", stage.hollow, 0, safe="child")
    return stage.nested(inner)


def then(stage: Stage) -> None:
    stage.send(stage.child, "sweep(address)", stage.thief_address)


CASE = Hostile(
    shape="transaction of a child Safe",
    cause="delegatecall inside it",
    caught="delegatecall",
    takes="ether",
    tx=tx,
    then=then,
)
