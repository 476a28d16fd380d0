"""The batch contract is called, not delegated to: the ether goes through it to the third receiver."""

from integrations.safe.contracts import InnerCall, encode_multi_send, multi_send_address
from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    calls = [
        InnerCall(stage.vendor, 1, b""),
        InnerCall(stage.till, 1, b""),
        InnerCall(stage.thief_address, 50 * ETHER, b""),
    ]
    pinned = multi_send_address("1.4.1")
    return Draft(pinned, encode_multi_send(calls), value=50 * ETHER + 2)


CASE = Hostile(
    shape="plain call of MultiSendCallOnly",
    cause="ether passed on to a stranger",
    caught="unknown_value",
    takes="ether",
    tx=tx,
)
