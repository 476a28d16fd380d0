"""The text that a hurried decoder reads is not the one that the offset points to."""

from integrations.chain.abi import selector
from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    head = selector("note(bytes)") + (96).to_bytes(32, "big")
    shown = (5).to_bytes(32, "big") + b"hello".ljust(32, b"\0")
    real = (20).to_bytes(32, "big") + bytes.fromhex(stage.thief_address[2:]).ljust(32, b"\0")
    return Draft(stage.till, head + shown + real)


CASE = Hostile(
    shape="arguments in an unusual encoding",
    cause="a receiver behind another offset",
    caught="trailing_bytes",
    takes="ether",
    tx=tx,
)
