"""A guard that nobody passes: the money stays, and nobody can move it."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.treasury, "setGuard(address)", stage.padlock)


CASE = Hostile(
    shape="a call of the Safe to itself",
    cause="a guard that refuses everything",
    caught="safe_change",
    takes="ransom",
    tx=tx,
)
