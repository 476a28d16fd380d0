"""A deposit to an address where nothing stands yet; whoever can make something stand there has it."""

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from integrations.chain.addresses import checksum
from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def late(stage: Stage) -> str:
    code = bytes.fromhex(stage.built["Late"]["bytecode"]) + encode(["address"], [stage.thief_address])
    return checksum(keccak(b"\xff" + bytes.fromhex(stage.maker[2:]) + bytes(32) + keccak(code))[12:])


def tx(stage: Stage) -> Draft:
    return stage.call(late(stage), "deposit()", value=50 * ETHER)


def then(stage: Stage) -> None:
    stage.send(stage.maker, "make(bytes32,address)", bytes(32), stage.thief_address)


CASE = Hostile(
    shape="call with value of an address without code",
    cause="ether waits for a contract to come",
    caught="codeless_target",
    takes="ether",
    tx=tx,
    then=then,
)
