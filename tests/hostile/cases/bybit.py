"""Bybit, 21 February 2025: what looks like a token's transfer is a delegatecall that rewrites slot 0."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.delegate(stage.trojan, "transfer(address,uint256)", stage.hollow, 0)


def then(stage: Stage) -> None:
    stage.send(stage.treasury, "sweep(address)", stage.thief_address)


CASE = Hostile(
    shape="delegatecall of a contract",
    cause="singleton rewritten in slot 0",
    caught="delegatecall",
    takes="ether",
    tx=tx,
    then=then,
    incident="Bybit, 21 February 2025",
)
