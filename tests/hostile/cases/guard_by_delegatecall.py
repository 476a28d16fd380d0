"""A guard that nobody passes is written into its slot; the owners are asked for a ransom."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.delegate(stage.locksmith, "guard(address)", stage.padlock)


CASE = Hostile(
    shape="delegatecall of a contract",
    cause="guard slot written to",
    caught="safe_change",
    takes="ransom",
    tx=tx,
)
