"""The Safe approves, by its hash alone, a transaction of another Safe that it owns."""

from integrations.safe.contracts import exec_transaction_data
from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    drain = stage.safe_tx(stage.call(stage.thief_address, value=50 * ETHER, safe="child"))
    return stage.call(stage.child, "approveHash(bytes32)", bytes.fromhex(drain.hash[2:]))


def then(stage: Stage) -> None:
    drain = stage.safe_tx(stage.call(stage.thief_address, value=50 * ETHER, safe="child"))
    approved_by = bytes(12) + bytes.fromhex(stage.treasury[2:]) + bytes(32) + b"\x01"
    stage.raw(stage.child, exec_transaction_data(drain, approved_by))


CASE = Hostile(
    shape="approveHash on a child Safe",
    cause="a transaction approved unseen",
    caught="blind_hash",
    takes="ether",
    tx=tx,
    then=then,
)
