"""What a simulation really did, as findings read it: whoever's contract it was and whatever its ABI calls it."""

from collections.abc import Collection, Iterator

from governance.findings import Effect
from integrations.chain.addresses import ZERO_ADDRESS, checksum
from integrations.chain.hashing import keccak
from integrations.safe.reads import (
    FALLBACK_HANDLER_SLOT,
    GUARD_SLOT,
    MODULE_GUARD_SLOT,
    NONCE_SLOT,
    SINGLETON_SLOT,
    THRESHOLD_SLOT,
)
from integrations.safe.simulate import Change, SimulatedLog, Simulation

MOST = 400
OWNERS_SLOT = 3
OF_A_SAFE = {
    SINGLETON_SLOT: "singleton",
    OWNERS_SLOT: "number of owners",
    THRESHOLD_SLOT: "threshold",
    GUARD_SLOT: "guard",
    MODULE_GUARD_SLOT: "module guard",
    FALLBACK_HANDLER_SLOT: "fallback handler",
}
COUNTED = (OWNERS_SLOT, THRESHOLD_SLOT)
IMPLEMENTATION_SLOTS = (
    0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC,  # ERC-1967
    0xA3F0AD74E5423AEBFD80D3EF4346578335A9A72AEAEE59FF6CB3582B35133D50,  # ERC-1967, beacon
    0x7050C9E0F4CA769C69BD3A8EF740BC37934F8E2C036E5A723FD8EE048ED3F8C3,  # before it
    0xC5F16F0FCC639FA48A6947836D9850F504798523BF8C9A3A87D5876CF622BCF7,  # ERC-1822
)
ADMIN_SLOT = 0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103


def _topic(signature: str) -> bytes:
    return keccak(signature.encode())


TRANSFER = _topic("Transfer(address,address,uint256)")
APPROVAL = _topic("Approval(address,address,uint256)")
FOR_ALL = _topic("ApprovalForAll(address,address,bool)")
SINGLE = _topic("TransferSingle(address,address,address,uint256,uint256)")
MANY = _topic("TransferBatch(address,address,address,uint256[],uint256[])")
ROLES = (_topic("RoleGranted(bytes32,address,address)"), _topic("RoleGranted(uint64,address,uint32,uint48,bool)"))
AUTHORITY = _topic("AuthorityUpdated(address)")
OWNER = (_topic("OwnershipTransferred(address,address)"), _topic("OwnershipTransferStarted(address,address)"))


def effects_of(run: Simulation, *, safe: str, safes: Collection[str], contracts: Collection[str]) -> list[Effect]:
    """`safes` and `contracts`: the registered ones, whose losses are ours."""
    ours = {safe, *safes, *contracts}
    found = [effect for change in run.state_diff for effect in _of_change(change, safe, safes)]
    # A contract may emit whatever it likes, so its words come behind the state, and the same words count once.
    found += dict.fromkeys(effect for log in run.logs for effect in _of_log(log, ours, contracts))
    if len(found) > MOST:
        return [*found[:MOST], Effect("cut", "", "", "", str(len(found) - MOST))]
    return found


def _of_log(log: SimulatedLog, ours: Collection[str], contracts: Collection[str]) -> Iterator[Effect]:
    if log.topics[:1] == (AUTHORITY,) and len(log.data) >= 32:
        yield Effect("owner", log.address, "", _address(log.data[:32]), "authority")
    if len(log.topics) < 3:
        return
    first, a, b = log.topics[0], _address(log.topics[1]), _address(log.topics[2])
    last = log.topics[3] if len(log.topics) > 3 else log.data[:32]
    amount = str(int.from_bytes(last or b"\0", "big"))
    if first == TRANSFER and (a in ours or (a == ZERO_ADDRESS and log.address in contracts)):
        yield Effect("token", log.address, "" if a == ZERO_ADDRESS else a, b, amount)
    elif first == APPROVAL and a in ours and b != ZERO_ADDRESS and (amount != "0" or len(log.topics) > 3):
        yield Effect("approval", log.address, a, b, amount)
    elif first == FOR_ALL and a in ours and any(log.data):
        yield Effect("operator", log.address, a, b, "all")
    elif first in (SINGLE, MANY) and len(log.topics) > 3 and b in ours:
        yield Effect("token", log.address, b, _address(log.topics[3]), "some")
    elif first in ROLES:
        yield Effect("role", log.address, "", b, "0x" + log.topics[1].hex())
    elif first in OWNER and a != ZERO_ADDRESS:
        yield Effect("owner", log.address, a, b, "owner")


def _of_change(change: Change, safe: str, safes: Collection[str]) -> Iterator[Effect]:
    if change.field == "balance":
        grown = int(change.after, 0) - int(change.before or "0", 0)
        if grown > 0:
            yield Effect("coin", "", "", change.address, str(grown))
    if not change.field.startswith("0x"):
        return
    slot = int(change.field, 16)
    if change.address == safe or change.address in safes:
        named = OF_A_SAFE.get(slot)
        if named:
            after = int(change.after or "0", 0)
            yield Effect("safe", change.address, "", str(after) if slot in COUNTED else _word(change.after), named)
        elif slot != NONCE_SLOT:
            yield Effect("safe", change.address, "", f"0x{slot:064x}", "storage")
    elif slot in IMPLEMENTATION_SLOTS:
        yield Effect("code", change.address, _word(change.before), _word(change.after), "implementation")
    elif slot == ADMIN_SLOT:
        yield Effect("owner", change.address, _word(change.before), _word(change.after), "proxy admin")


def _address(word: bytes) -> str:
    return checksum(word[-20:])


def _word(value: str) -> str:
    return checksum("0x" + value[2:].rjust(64, "0")[-40:])
