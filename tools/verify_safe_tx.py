#!/usr/bin/env python3
"""Recompute what a Safe transaction's signers see on their devices. One file, standard library only, no network.

    python3 verify_safe_tx.py bundle.json          a bundle exported from a proposal's page
    python3 verify_safe_tx.py --fields             type the raw fields in, one by one
    … --domain 0x… --message 0x… --safe-tx 0x…     compare with what the device shows
    … --owner-safe 0x… VERSION NONCE               the device is an owner's of this Safe, which owns the other one

It fails closed: a missing or an extra field, an unknown Safe version, trailing bytes after a call's arguments, a
delegatecall to anything but the pinned MultiSendCallOnly, or a hash that differs is a non-zero exit and the reason.
What it cannot know without the chain or the server's records it lists after its findings. The names in the bundle, and
its diff, are the server's word; the hashes and the calls are not.
"""

import argparse
import functools
import json
import re
import sys
from pathlib import Path

PINNED_BATCH = {
    "1.3.0": ("0x40A2aCCbd92BCA938b02010E17A5b8929b49130D", "0xA1dabEF33b3B82c7814B6D82A79e50F4AC44102B"),
    "1.4.1": ("0x9641d764fc13c8B624c04430C7356C1C7C8102e2",),
    "1.5.0": ("0xA83c336B20401Af773B6219BA5027174338D1836",),
}
SAFE_TX = (
    ("address", "to"),
    ("uint256", "value"),
    ("bytes", "data"),
    ("uint8", "operation"),
    ("uint256", "safeTxGas"),
    ("uint256", "baseGas"),
    ("uint256", "gasPrice"),
    ("address", "gasToken"),
    ("address", "refundReceiver"),
    ("uint256", "nonce"),
)
FIELDS = ("chainId", "safe", "version", *(name for _, name in SAFE_TX))
BUNDLE = {"format", "fields", "hashes", "calls", "abis", "plan", "diff", "nested"}
FORMAT = "breakglass-safe-tx-2"
MOST_BYTES = 4_000_000
MOST_ITEMS = 10_000

# Functions that give power or funds away, or carry other calls. Their names are known here: no ABI of a bundle can call
# them otherwise. A test holds this list against what the server's findings know.
KNOWN = {
    "addOwnerWithThreshold(address,uint256)": "adds an owner",
    "removeOwner(address,address,uint256)": "removes an owner",
    "swapOwner(address,address,address)": "replaces an owner",
    "changeThreshold(uint256)": "changes how many signatures are needed",
    "enableModule(address)": "lets a module act without signatures",
    "disableModule(address,address)": "removes a module",
    "setGuard(address)": "changes the guard",
    "setModuleGuard(address)": "changes the guard of modules",
    "setFallbackHandler(address)": "changes the fallback handler",
    "setup(address[],uint256,address,bytes,address,address,uint256,address)": "sets a Safe up anew",
    "simulateAndRevert(address,bytes)": "runs foreign code as a Safe",
    "changeMasterCopy(address)": "changes the code of a Safe",
    "setSingleton(address)": "changes the code of a Safe",
    "approveHash(bytes32)": "approves another Safe's transaction, of which only the hash is seen",
    "signMessage(bytes)": "signs a message of which only the bytes are seen",
    "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)": "executes another Safe's transaction",  # noqa: E501
    "execTransactionFromModule(address,uint256,bytes,uint8)": "acts as a module of another Safe",
    "execTransactionFromModuleReturnData(address,uint256,bytes,uint8)": "acts as a module of another Safe",
    "upgradeTo(address)": "changes the code of a contract",
    "upgradeToAndCall(address,bytes)": "changes the code of a contract and runs it",
    "upgrade(address,address)": "changes the code of a contract",
    "upgradeAndCall(address,address,bytes)": "changes the code of a contract and runs it",
    "setImplementation(address)": "changes the code of a contract",
    "_setImplementation(address)": "changes the code of a contract",
    "changeImplementation(address)": "changes the code of a contract",
    "setCode(address)": "changes the code of a contract",
    "setTarget(address)": "changes the code of a contract",
    "setBeacon(address)": "changes the code of a contract",
    "upgradeBeaconToAndCall(address,bytes)": "changes the code of a contract and runs it",
    "diamondCut((address,uint8,bytes4[])[],address,bytes)": "changes the code of a contract",
    "changeAdmin(address)": "gives the power to upgrade away",
    "changeProxyAdmin(address,address)": "gives the power to upgrade away",
    "transferOwnership(address)": "gives ownership away",
    "safeTransferOwnership(address)": "gives ownership away",
    "nominateNewOwner(address)": "gives ownership away",
    "setPendingOwner(address)": "gives ownership away",
    "renounceOwnership()": "gives ownership up",
    "setOwner(address)": "gives ownership away",
    "grantRole(bytes32,address)": "grants a role",
    "revokeRole(bytes32,address)": "takes a role away",
    "renounceRole(bytes32,address)": "gives a role up",
    "setUserRole(address,uint8,bool)": "grants a role",
    "grantRole(uint64,address,uint32)": "grants a role",
    "revokeRole(uint64,address)": "takes a role away",
    "renounceRole(uint64,address)": "gives a role up",
    "updateAuthority(address,address)": "gives a power away",
    "setAdmin(address)": "gives a power away",
    "setPendingAdmin(address)": "gives a power away",
    "_setPendingAdmin(address)": "gives a power away",
    "transferAdmin(address)": "gives a power away",
    "beginDefaultAdminTransfer(address)": "gives a power away",
    "setAuthority(address)": "gives a power away",
    "setGovernor(address)": "gives a power away",
    "setGovernance(address)": "gives a power away",
    "setGuardian(address)": "gives a power away",
    "setOperator(address)": "gives a power away",
    "setMinter(address)": "gives a power away",
    "addMinter(address)": "gives a power away",
    "setKeeper(address)": "gives a power away",
    "setPoolAdmin(address)": "gives a power away",
    "setEmergencyAdmin(address)": "gives a power away",
    "transferControl(address)": "gives a power away",
    "rely(address)": "gives a power away",
    "deny(address)": "takes a power away",
    "removeMinter(address)": "takes a power away",
    "renounceMinter()": "gives a power up",
    "approve(address,uint256)": "lets another spend",
    "approve(address,address,uint160,uint48)": "lets another spend",
    "approveAndCall(address,uint256,bytes)": "lets another spend, and calls them",
    "increaseAllowance(address,uint256)": "lets another spend more",
    "increaseApproval(address,uint256)": "lets another spend more",
    "safeIncreaseAllowance(address,uint256)": "lets another spend more",
    "setApprovalForAll(address,bool)": "lets another move every token",
    "setOperator(address,bool)": "lets another move every token",
    "authorizeOperator(address)": "lets another move every token",
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)": "lets another spend",
    "permit(address,address,uint256,uint256,bytes)": "lets another spend",
    "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)": "lets another spend",
    "transfer(address,uint256)": "moves tokens",
    "transferFrom(address,address,uint256)": "moves tokens",
    "transferAndCall(address,uint256)": "moves tokens",
    "transferAndCall(address,uint256,bytes)": "moves tokens",
    "safeTransfer(address,uint256)": "moves tokens",
    "safeTransferFrom(address,address,uint256)": "moves a token",
    "safeTransferFrom(address,address,uint256,bytes)": "moves a token",
    "safeTransferFrom(address,address,uint256,uint256,bytes)": "moves tokens",
    "send(address,uint256,bytes)": "moves tokens",
    "mint(address,uint256)": "makes new tokens",
    "updateDelay(uint256)": "changes a timelock's delay",
    "setDelay(uint256)": "changes a timelock's delay",
    "setTxCooldown(uint256)": "changes a timelock's delay",
    "schedule(address,uint256,bytes,bytes32,bytes32,uint256)": "schedules a call",
    "scheduleBatch(address[],uint256[],bytes[],bytes32,bytes32,uint256)": "schedules calls",
    "execute(address,uint256,bytes,bytes32,bytes32)": "has a call executed",
    "executeBatch(address[],uint256[],bytes[],bytes32,bytes32)": "has calls executed",
    "execute(address,uint256,bytes)": "has a call executed",
    "execute(address,uint256,bytes,uint8)": "has a call executed",
    "execute(address[],uint256[],bytes[],bytes32)": "has calls executed",
    "forward(address,uint256,bytes)": "has a call executed",
    "queueTransaction(address,uint256,string,bytes,uint256)": "queues a call",
    "executeTransaction(address,uint256,string,bytes,uint256)": "has a call executed",
    "executeNextTx(address,uint256,bytes,uint8)": "has a call executed",
    "execTransactionWithRole(address,uint256,bytes,uint8,bytes32,bool)": "has a call executed",
    "execTransactionWithRoleReturnData(address,uint256,bytes,uint8,bytes32,bool)": "has a call executed",
    "schedule(address,bytes,uint48)": "schedules a call",
    "execute(address,bytes)": "has a call executed",
    "propose(address[],uint256[],bytes[],string)": "proposes calls to a vote",
    "queue(address[],uint256[],bytes[],bytes32)": "queues calls",
    "multicall(bytes[])": "makes several calls",
    "multicall(uint256,bytes[])": "makes several calls",
    "aggregate((address,bytes)[])": "makes several calls",
    "aggregate3((address,bool,bytes)[])": "makes several calls",
    "aggregate3Value((address,bool,uint256,bytes)[])": "makes several calls",
    "tryAggregate(bool,(address,bytes)[])": "makes several calls",
    "multiSend(bytes)": "passes on a batch",
}
# What calls inside a call are made of, by the places of arguments: a target, its value and data, and whether it is a
# delegatecall; lists of them; data for the contract itself, or for another one; rows that end with their data; a
# function by its name, with its arguments.
CARRIERS = {
    "schedule(address,uint256,bytes,bytes32,bytes32,uint256)": ("one", 0, 1, 2),
    "execute(address,uint256,bytes,bytes32,bytes32)": ("one", 0, 1, 2),
    "execute(address,uint256,bytes)": ("one", 0, 1, 2),
    "execute(address,uint256,bytes,uint8)": ("one", 0, 1, 2, 3),
    "forward(address,uint256,bytes)": ("one", 0, 1, 2),
    "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)": ("one", 0, 1, 2, 3),
    "execTransactionFromModule(address,uint256,bytes,uint8)": ("one", 0, 1, 2, 3),
    "execTransactionFromModuleReturnData(address,uint256,bytes,uint8)": ("one", 0, 1, 2, 3),
    "executeNextTx(address,uint256,bytes,uint8)": ("one", 0, 1, 2, 3),
    "execTransactionWithRole(address,uint256,bytes,uint8,bytes32,bool)": ("one", 0, 1, 2, 3),
    "execTransactionWithRoleReturnData(address,uint256,bytes,uint8,bytes32,bool)": ("one", 0, 1, 2, 3),
    "queueTransaction(address,uint256,string,bytes,uint256)": ("named", 0, 1, 2, 3),
    "executeTransaction(address,uint256,string,bytes,uint256)": ("named", 0, 1, 2, 3),
    "schedule(address,bytes,uint48)": ("back", 0, 1),
    "execute(address,bytes)": ("back", 0, 1),
    "scheduleBatch(address[],uint256[],bytes[],bytes32,bytes32,uint256)": ("many", 0, 1, 2),
    "executeBatch(address[],uint256[],bytes[],bytes32,bytes32)": ("many", 0, 1, 2),
    "execute(address[],uint256[],bytes[],bytes32)": ("many", 0, 1, 2),
    "propose(address[],uint256[],bytes[],string)": ("many", 0, 1, 2),
    "queue(address[],uint256[],bytes[],bytes32)": ("many", 0, 1, 2),
    "upgradeToAndCall(address,bytes)": ("itself", 1),
    "upgradeAndCall(address,address,bytes)": ("of", 0, 2),
    "approveAndCall(address,uint256,bytes)": ("back", 0, 2),
    "multicall(bytes[])": ("each", 0),
    "multicall(uint256,bytes[])": ("each", 1),
    "aggregate((address,bytes)[])": ("rows", 0),
    "aggregate3((address,bool,bytes)[])": ("rows", 0),
    "aggregate3Value((address,bool,uint256,bytes)[])": ("rows", 0),
    "tryAggregate(bool,(address,bytes)[])": ("rows", 1),
}
# Where the amount stands that another may spend, or the word that makes it everything.
AMOUNTS = {
    "approve(address,uint256)": 1,
    "increaseAllowance(address,uint256)": 1,
    "increaseApproval(address,uint256)": 1,
    "safeIncreaseAllowance(address,uint256)": 1,
    "approveAndCall(address,uint256,bytes)": 1,
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)": 2,
    "permit(address,address,uint256,uint256,bytes)": 2,
    "approve(address,address,uint160,uint48)": 2,
}
EVERYTHING = {
    "setApprovalForAll(address,bool)": 1,
    "setOperator(address,bool)": 1,
    "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)": 4,
}
# For each finding of the server's page what of it nobody can tell without the chain or the server's records; "" where
# it is decided here. A test demands every finding.
UNDECIDED = {
    "allow_list": "what this Safe may call, by its protocol's allow-list",
    "blind_hash": "whether a hash that is approved belongs to a proposal that somebody has read",
    "bypassed_timelock": "whether a call should go through a timelock, and how long that one waits",
    "code_changed": "whether the code at an address is the registered one",
    "codeless_target": "whether any code stands at an address, and since when",
    "delegatecall": "whether the Safe's proxy and the batch contract have their official code",
    "drill_live": "whether a drill and a live chain are mixed",
    "failing_call": "whether it would succeed, and what it really changes",
    "gas_refund": "",
    "implementation_change": "whether the code at an address is the registered one",
    "nonce": "which nonce is next, and what else wants this one",
    "odd_proxy": "whether the Safe's proxy and the batch contract have their official code",
    "outside_plan": "whether the approved plan holds exactly these calls",
    "role_change": "whose an address is: which are registered, and which belong to strangers",
    "safe_change": "who the owners are, how many must sign, and whether an owner's key is public",
    "too_deep": "",
    "too_many_effects": "whether it would succeed, and what it really changes",
    "trailing_bytes": "",
    "unknown_selector": "",
    "unknown_target": "whose an address is: which are registered, and which belong to strangers",
    "unknown_value": "whose an address is: which are registered, and which belong to strangers",
    "unlimited_approval": "whose an address is: which are registered, and which belong to strangers",
    "well_known_keys": "who the owners are, how many must sign, and whether an owner's key is public",
    "young_target": "whether any code stands at an address, and since when",
    "waivers": "whether a commander let pass what blocks it there",
}
UNLIMITED = 2**95  # no token has so many units that a limit beyond it limits anything
DEEPEST, MOST_CARRIED = 6, 400
ZERO = "0x" + "00" * 20


LABELS = {
    "domain": "domain hash",
    "message": "message hash",
    "safeMessage": "Safe message hash",
    "safeTx": "Safe tx hash",
}


class Refuse(Exception):
    """Why nothing should be signed."""


class NotInAbi(Refuse):
    """What an upgrade runs is not in the ABI of before it: carried along it is pointed out, anywhere else refused."""


# --- keccak-256, as Ethereum uses it (padding 0x01, not SHA-3's 0x06)

_M = 2**64 - 1  # a lane


def _round_constants():
    register = 1
    for _ in range(24):
        constant = 0
        for bit in range(7):
            if register & 1:
                constant ^= 1 << ((1 << bit) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        yield constant


def _moves():
    """For each lane of the next state: the lane that it comes from, its column, how far it turns."""
    turns, x, y = {(0, 0): 0}, 1, 0
    for step in range(24):
        turns[x, y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    found = {y + 5 * ((2 * x + 3 * y) % 5): (x + 5 * y, x, turns[x, y]) for x in range(5) for y in range(5)}
    return [found[index] for index in range(25)]


_CONSTANTS = tuple(_round_constants())
_MOVES = tuple(_moves())
_ROWS = tuple((x + 5 * y, (x + 1) % 5 + 5 * y, (x + 2) % 5 + 5 * y) for y in range(5) for x in range(5))


def _permute(lanes):
    for constant in _CONSTANTS:
        c = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        d = [c[x - 1] ^ (c[x - 4] << 1 & _M | c[x - 4] >> 63) for x in range(5)]
        b = [(z := lanes[lane] ^ d[x]) << by & _M | z >> (64 - by) for lane, x, by in _MOVES]
        lanes = [b[x] ^ (~b[y] & b[z]) for x, y, z in _ROWS]
        lanes[0] ^= constant
    return lanes


def keccak(data):
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % 136)
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), 136):
        for index in range(17):
            at = start + 8 * index
            lanes[index] ^= int.from_bytes(padded[at : at + 8], "little")
        lanes = _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


# --- reading the fields


@functools.lru_cache(maxsize=4096)
def checksum(address):
    digits = address[2:].lower()
    marks = keccak(digits.encode()).hex()[:40]
    return "0x" + "".join(d.upper() if int(m, 16) >= 8 else d for d, m in zip(digits, marks, strict=True))


def read_address(value, name):
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
        raise Refuse(f"{name}: not an address")
    if checksum(value) != value:
        raise Refuse(f"{name}: the address's checksum is wrong; it would be {checksum(value)}")
    return value


def read_uint(value, name, bits=256):
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not re.fullmatch(r"0|[1-9][0-9]{0,77}", text) or int(text) >= 2**bits:
        raise Refuse(f"{name}: not a whole number of at most {bits} bits")
    return int(text)


def read_bytes(value, name):
    if not isinstance(value, str) or not re.fullmatch(r"0x([0-9a-fA-F]{2})*", value):
        raise Refuse(f"{name}: not hexadecimal bytes")
    return bytes.fromhex(value[2:])


def read_version(value):
    if not isinstance(value, str) or value not in PINNED_BATCH:
        raise Refuse(f"version: Safe {value} is not one of {', '.join(PINNED_BATCH)}")
    return value


def read_hash(value, name):
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{64}", value):
        raise Refuse(f"{name}: not a hash of 32 bytes")
    return value.lower()


def members(value, wanted, name):
    """An object with exactly these members."""
    if not isinstance(value, dict):
        raise Refuse(f"{name}: not an object")
    for one in wanted:
        if one not in value:
            raise Refuse(f"{one}: missing")
    for one in value:
        if one not in wanted:
            raise Refuse(f"{one}: unknown field")
    return value


def read_fields(raw):
    members(raw, FIELDS, "fields")
    fields = {"version": read_version(raw["version"]), "chainId": read_uint(raw["chainId"], "chainId")}
    fields["safe"] = read_address(raw["safe"], "safe")
    for kind, name in SAFE_TX:
        reader = {"address": read_address, "bytes": read_bytes}.get(kind, read_uint)
        fields[name] = reader(raw[name], name)
    if fields["operation"] not in (0, 1):
        raise Refuse("operation: neither a call (0) nor a delegatecall (1)")
    return fields


# --- EIP-712


@functools.cache
def type_hash(name, members):
    return keccak(f"{name}({','.join(f'{kind} {key}' for kind, key in members)})".encode())


def word(value):
    return (int(value, 16) if isinstance(value, str) else value).to_bytes(32, "big")


def struct(name, members, values):
    words = [keccak(values[key]) if kind == "bytes" else word(values[key]) for kind, key in members]
    return keccak(type_hash(name, members) + b"".join(words))


@functools.lru_cache(maxsize=64)
def domain_hash(chain_id, safe):
    about = (("uint256", "chainId"), ("address", "verifyingContract"))
    return struct("EIP712Domain", about, {"chainId": chain_id, "verifyingContract": safe})


def signed(domain, message):
    """The 66 bytes that are hashed into what is signed."""
    return b"\x19\x01" + domain + message


def hashes(fields):
    domain, message = domain_hash(fields["chainId"], fields["safe"]), struct("SafeTx", SAFE_TX, fields)
    whole = keccak(signed(domain, message))
    return {"domain": "0x" + domain.hex(), "message": "0x" + message.hex(), "safeTx": "0x" + whole.hex()}


# --- an owner that is a Safe itself: what its own owners see


def asked(fields, owner_version):
    """What the Safe asks an owner that is a contract: the 66 bytes, from 1.5.0 on their hash; None: it cannot."""
    found = hashes(fields)
    if fields["version"] == "1.5.0":
        return bytes.fromhex(found["safeTx"][2:])
    if owner_version == "1.5.0":
        return None  # 1.5.0 no longer has isValidSignature(bytes,bytes): such an owner approves the hash on chain
    return signed(bytes.fromhex(found["domain"][2:]), bytes.fromhex(found["message"][2:]))


def owner_message(fields, safe, version):
    """The hashes of the SafeMessage by which the owner signs as a contract (EIP-1271)."""
    content = asked(fields, version)
    if content is None:
        return None
    domain = domain_hash(fields["chainId"], safe)
    message = struct("SafeMessage", (("bytes", "message"),), {"message": content})
    whole = keccak(signed(domain, message))
    return {"domain": "0x" + domain.hex(), "message": "0x" + message.hex(), "safeMessage": "0x" + whole.hex()}


def owner_approval(fields, safe, version, nonce):
    """The transaction by which the owner approves the hash on chain instead."""
    zero = "0x" + "00" * 20
    data = keccak(b"approveHash(bytes32)")[:4] + bytes.fromhex(hashes(fields)["safeTx"][2:])
    rest = {"value": 0, "operation": 0, "safeTxGas": 0, "baseGas": 0, "gasPrice": 0}
    rest |= {"gasToken": zero, "refundReceiver": zero, "nonce": nonce, "version": version}
    return {"chainId": fields["chainId"], "safe": safe, "to": fields["safe"], "data": data, **rest}


def nested(raw, fields):
    """Lines for each owning Safe that the bundle names; its hashes are recomputed, never believed."""
    lines = []
    if not isinstance(raw, list) or len(raw) > 100:
        raise Refuse("nested: not a list of Safes")
    for entry in raw:
        members(entry, ("safe", "version", "nonce", "message", "approve"), "nested")
        safe, version = read_address(entry["safe"], "nested safe"), read_version(entry["version"])
        approval = owner_approval(fields, safe, version, read_uint(entry["nonce"], "nested nonce"))
        found, approving = owner_message(fields, safe, version), hashes(approval)
        if entry["message"] is not None and found is None:
            raise Refuse(f"nested {safe}: a Safe {version} cannot sign as a contract for a Safe {fields['version']}")
        lines.append(f"For owners of the Safe {safe} ({version}), which is named as an owner:")
        if entry["message"] is not None:
            compare(f"nested {safe}", members(entry["message"], found, "message"), found)
            lines += [f"  to sign for it: {label} {found[name]}" for name, label in LABELS.items() if name in found]
        compare(f"nested {safe}", members(entry["approve"], approving, "approve"), approving)
        head = f"  or to approve the hash on chain (its nonce {approval['nonce']})"
        lines += [head + f": {LABELS[name]} {approving[name]}" for name in approving]
    return lines


# --- what it does


@functools.cache
def selector(signature):
    return keccak(signature.encode())[:4]


def batch(data):
    if data[:4] != selector("multiSend(bytes)"):
        raise Refuse("data: a delegatecall that is no batch")
    if len(data) < 68 or int.from_bytes(data[4:36], "big") != 32:
        raise Refuse("data: a batch with an unusual offset")
    length = int.from_bytes(data[36:68], "big")
    rest = data[68:]
    if len(rest) != length + (-length % 32) or any(rest[length:]):
        raise Refuse("data: a batch with trailing or missing bytes")
    calls, at = [], 0
    while at < length:
        start = at + 85
        if start > length:
            raise Refuse("data: a batch that is cut off")
        size = int.from_bytes(rest[at + 53 : start], "big")
        if start + size > length:
            raise Refuse("data: a batch that is cut off")
        if rest[at] != 0:
            raise Refuse("data: a delegatecall inside a batch")
        to, value = checksum("0x" + rest[at + 1 : at + 21].hex()), int.from_bytes(rest[at + 21 : at + 53], "big")
        calls.append((to, value, rest[start : start + size]))
        at = start + size
    if not calls:
        raise Refuse("data: an empty batch")
    return calls


def calls_of(fields):
    if fields["operation"] == 0:
        return [(fields["to"], fields["value"], fields["data"])]
    if fields["to"] not in PINNED_BATCH[fields["version"]]:
        raise Refuse(f"a delegatecall to {fields['to']}, which is not the pinned MultiSendCallOnly: it can do anything")
    return batch(fields["data"])


def kind_of(part):
    if part["type"].startswith("tuple"):
        return "(" + ",".join(kind_of(inner) for inner in part["components"]) + ")" + part["type"][5:]
    return part["type"]


def put_in_words(to, value, data, abis):
    """One call as text; Refuse when its bytes are not exactly what its ABI says."""
    head = f"{to}" + (f" with {value} wei" if value else "")
    if not data:
        return f"send to {head}" if value else f"empty call to {head}"
    if len(data) < 4:
        raise Refuse(f"{len(data)} bytes of calldata are no function call")
    types, name = function_of(to, data, abis)
    if name is None:
        return f"0x{data[:4].hex()} … ({len(data)} bytes, no ABI) on {head}"
    values, end = decode(types, data[4:])
    if end != len(data) - 4:
        raise Refuse(f"{name}: {len(data) - 4 - end} trailing bytes after its arguments")
    texts = [spelled(value) for value in values]
    named = [f"{part['name']} = {text}" if part.get("name") else text for part, text in zip(types, texts, strict=True)]
    shown = ", ".join(named)
    return f"{name}({shown}) on {head}"


def function_of(to, data, abis):
    """Types and name of the function that is called; (None, None) where there is no ABI for the target.

    What is known here has no other name, and no names of arguments: those would be the bundle's.
    """
    functions = [entry for entry in abis.get(to, ()) if entry.get("type") == "function"]
    known, found = known_signature(data), (None, None)
    for entry in functions:
        types = entry["inputs"]
        signature = f"{entry['name']}({','.join(kind_of(part) for part in types)})"
        if selector(signature) == data[:4]:
            if known and signature != known:
                raise Refuse(f"the bundle calls it {signature}, but 0x{data[:4].hex()} is {known}")
            found = (types, entry["name"]) if found[1] is None else found
    if known:
        return parts_of(known), known.partition("(")[0]
    if functions and found[1] is None:
        raise NotInAbi(f"0x{data[:4].hex()} is not a function of the ABI bundled for {to}")
    return found


ENTRY = {"type", "name", "inputs", "outputs", "stateMutability", "anonymous", "constant", "payable"}
PART = {"name", "type", "internalType", "components", "indexed"}


def read_abis(abis):
    """ABIs as a bundle may hold them: of addresses spelled right, and nothing in them but what an ABI has."""
    for to, entries in abis.items():
        read_address(to, "abis")
        for entry in _list_of_objects(entries, to, ENTRY):
            if entry.get("type") == "function" or "inputs" in entry:
                _read_parts(entry.get("inputs"), to)
            if entry.get("type") == "function":
                _check_name(entry.get("name"), to)


def _read_parts(parts, to):
    for part in _list_of_objects(parts, to, PART):
        if not isinstance(part.get("type"), str):
            raise Refuse(f"the ABI bundled for {to} cannot be read")
        _check_name(part.get("name") or "_", to)
        if "components" in part or part["type"].startswith("tuple"):
            _read_parts(_components(part), to)


def _list_of_objects(value, to, allowed):
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Refuse(f"the ABI bundled for {to} cannot be read")
    for key in (key for one in value for key in one if key not in allowed):
        raise Refuse(f"the ABI bundled for {to} has {key}, which no ABI has")
    return value


def _check_name(name, to):
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]{0,100}", name):
        raise Refuse(f"the ABI bundled for {to} calls something {name!r}, which is no name")


@functools.cache
def _selectors():
    return {selector(one): one for one in KNOWN}


def known_signature(data):
    return _selectors().get(data[:4]) if len(data) >= 4 else None


@functools.cache
def parts_of(signature):
    """The parameters of a signature that is known here."""
    inside = signature.partition("(")[2][:-1]
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(inside + ","):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append(inside[start:at])
            start = at + 1
    return [_part(one) for one in parts if one]


def _part(text):
    if not text.startswith("("):
        return {"type": text}
    end = text.rindex(")")
    return {"type": "tuple" + text[end + 1 :], "components": parts_of("x" + text[: end + 1])}


def findings(fields, calls, abis):
    """What to look at closely, as sentences. The server's own page has more of them: it knows the chain."""
    found = []
    for name in ("safeTxGas", "baseGas", "gasPrice"):
        if fields[name]:
            found.append(f"{name} is {fields[name]}: executing it can pay a refund to {fields['refundReceiver']}")
    for name in ("gasToken", "refundReceiver"):
        if fields[name] != ZERO:
            found.append(f"{name} is {fields[name]}: a refund is named, whether or not it is paid now")
    if fields["operation"] and fields["value"]:
        found.append(f"value is {fields['value']} beside a delegatecall, which sends none: nobody means that")
    left, called = [MOST_CARRIED], {fields["to"]}
    for number, call in enumerate(calls, 1):
        found += look(f"call {number}", fields["safe"], call, abis, (left, called))
    for to in abis:
        if to not in called:
            raise Refuse(f"an ABI for {to}, which is not called")
    return found


def look(where, safe, call, abis, looking, depth=0):
    """One call, and whatever it carries. Its bytes are exactly what its ABI says, or nothing is known of it."""
    to, value, data = call
    known, found = known_signature(data), []
    looking[1].add(to)
    if known:
        found.append(f"{where} {KNOWN[known]}: {known}")
        if without_limit(known, data):
            found.append(f"{where} lets another spend without limit")
    elif data:
        found.append(f"{where} is {whatever(to, data, abis)}")
    if to == safe and (data or value):
        found.append(f"{where} is to the Safe itself: it can change who controls it")
    if to == ZERO and data:
        found.append(f"{where} is to the zero address, which a batch takes for the Safe itself")
    if value:
        found.append(f"{where} sends {value} wei to {to}")
    for number, (inner, delegated) in enumerate(carried(known, to, data), 1):
        found += look_inside(f"{where}.{number}", safe, inner, delegated, abis, looking, depth + 1)
    return found


def whatever(to, data, abis):
    """A function that is not known here: by its name in the bundle, or by four bytes."""
    try:
        name = function_of(to, data, abis)[1]
    except NotInAbi:
        return f"0x{data[:4].hex()} on {to}, which the ABI in the bundle does not have: nobody can say what"
    if name:
        return f"named {name} by the bundle only: not known here, and only four bytes bind it to that name"
    return f"0x{data[:4].hex()} on {to}, of which the bundle has no ABI: nobody can say what"


def look_inside(where, safe, call, delegated, abis, looking, depth):
    looking[0][0] -= 1
    if depth > DEEPEST or looking[0][0] < 0:
        raise Refuse(f"{where} lies deeper than anybody reads")
    try:
        words = put_in_words(*call, abis)
    except NotInAbi:
        words = f"0x{call[2][:4].hex()} … ({len(call[2])} bytes) on {call[0]}"
    except Refuse as reason:
        raise Refuse(f"{where}, to {call[0]}, cannot be put into words: {reason}") from None
    found = [f"{where} is carried along: {words}"]
    if delegated:
        found.append(f"{where} runs the code at {call[0]} with everything that its caller has")
    return found + look(where, safe, call, abis, looking, depth)


def without_limit(known, data):
    def word_at(place):
        return int.from_bytes(data[4 + 32 * place : 36 + 32 * place], "big")

    if known in AMOUNTS:
        return word_at(AMOUNTS[known]) >= UNLIMITED
    return known == "authorizeOperator(address)" or (known in EVERYTHING and word_at(EVERYTHING[known]) == 1)


def carried(known, to, data):
    """The calls right inside this one, each with whether it is a delegatecall."""
    if known == "multiSend(bytes)":
        if not any(to in addresses for addresses in PINNED_BATCH.values()):
            raise Refuse(f"a batch passed to {to}, which is not a pinned MultiSendCallOnly")
        return [(call, False) for call in batch(data)]
    if known not in CARRIERS:
        return []
    values, _ = decode(parts_of(known), data[4:])
    kind, *places = CARRIERS[known]
    given = [values[place] for place in places]
    if kind == "one":
        rows = [(given[0], given[1], given[2], *given[3:])]
    elif kind == "named":  # a signature as text, and only its arguments; without one, whole calldata
        name = json.loads(given[2])
        rows = [(given[0], given[1], "0x" + (selector(name).hex() if name else "") + given[3][2:])]
    elif kind == "many":
        if not len(given[0]) == len(given[1]) == len(given[2]):
            raise Refuse(f"{known}: lists of different lengths")
        rows = list(zip(*given, strict=True))
    elif kind == "rows":
        rows = [(row[0], row[2] if len(row) == 4 else "0", row[-1]) for row in given[0]]
    elif kind == "each":
        rows = [(to, "0", one) for one in given[0]]
    else:  # "itself", "of": nothing is called where there are no data; "back" is called anyway
        called = given[-1] != "0x" or kind == "back"
        rows = [(to if kind == "itself" else given[0], "0", given[-1])] if called else []
    return [((row[0], int(row[1]), bytes.fromhex(row[2][2:])), row[3:] == ("1",)) for row in rows]


def spelled(value):
    """A decoded value as text: lists in square, tuples in round brackets."""
    if isinstance(value, list):
        return "[" + ", ".join(map(spelled, value)) + "]"
    return "(" + ", ".join(map(spelled, value)) + ")" if isinstance(value, tuple) else value


def undecided():
    """What remains to be looked up elsewhere, each once."""
    return [f"  {one}" for one in dict.fromkeys(UNDECIDED.values()) if one]


def decode(types, data):
    """Values, words as text, and where their bytes end. Only plain layouts: everything in order, nothing between."""
    tail = sum(_head(part) for part in types)
    values, at = [], 0
    for part in types:
        if _dynamic(part):
            if _uint(data, at) != tail:
                raise Refuse("an argument at an unusual offset")
            value, tail = _dynamic_value(part, data, tail)
        else:
            value = _static(part, data, at)
        values.append(value)
        at += _head(part)
    return values, tail


def _array(part):
    """The type of an array's elements and its fixed size, "" where it has none; None for what is no array."""
    match = re.fullmatch(r"(.*)\[([0-9]{0,5})\]", part["type"])
    if match and match[2] and not 0 < int(match[2]) <= MOST_ITEMS:
        raise Refuse(f"the type {part['type']} is not understood")
    return ({**part, "type": match[1]}, match[2]) if match else None


def _components(part):
    """A tuple's members; one without any would let an array go on for ever."""
    if not isinstance(part.get("components"), list) or not part["components"]:
        raise Refuse("a tuple without members")
    return part["components"]


def _dynamic(part):
    array = _array(part)
    if array:
        return array[1] == "" or _dynamic(array[0])
    if part["type"] == "tuple":
        return any(_dynamic(inner) for inner in _components(part))
    return part["type"] in ("bytes", "string")


def _head(part):
    if _dynamic(part):
        return 32
    array = _array(part)
    if array:
        return int(array[1]) * _head(array[0])
    if part["type"] == "tuple":
        return sum(_head(inner) for inner in _components(part))
    return 32


def _uint(data, at):
    if at + 32 > len(data):
        raise Refuse("calldata that is too short for its function")
    return int.from_bytes(data[at : at + 32], "big")


def _static(part, data, at):
    array = _array(part)
    if array:
        return [_static(array[0], data, at + index * _head(array[0])) for index in range(int(array[1]))]
    if part["type"] == "tuple":
        return tuple(decode(part["components"], data[at : at + _head(part)])[0])
    return _word(part["type"], _uint(data, at))


def _word(kind, number):
    if kind == "address":
        if number >> 160:
            raise Refuse("an address with dirty upper bytes")
        return checksum(f"0x{number:040x}")
    if kind == "bool":
        if number > 1:
            raise Refuse("a bool that is neither 0 nor 1")
        return "true" if number else "false"
    match = re.fullmatch(r"(u?int|bytes)([1-9][0-9]{0,2})", kind)
    size = int(match[2]) if match else 0
    if not match or (size > 32 if match[1] == "bytes" else size > 256 or size % 8):
        raise Refuse(f"the type {kind} is not understood")
    if match[1] == "bytes":
        return _fixed_bytes(kind, number, 8 * int(match[2]))
    return _integer(kind, number, int(match[2]))


def _fixed_bytes(kind, number, bits):
    if number & ((1 << (256 - bits)) - 1):
        raise Refuse(f"a {kind} with dirty lower bytes")
    return f"0x{number >> (256 - bits):0{bits // 4}x}"


def _integer(kind, number, bits):
    signed = kind.startswith("int")
    if signed and number >> 255:
        number -= 2**256
    lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    if not lowest <= number < highest:
        raise Refuse(f"a {kind} out of range")
    return str(number)


def _dynamic_value(part, data, at):
    array = _array(part)
    if array:
        count, at = (int(array[1]), at) if array[1] else (_uint(data, at), at + 32)
        if count > MOST_ITEMS:
            raise Refuse("an array that is too long")
        values, end = decode([array[0]] * count, data[at:])
        return values, at + end
    if part["type"] == "tuple":
        values, end = decode(part["components"], data[at:])
        return tuple(values), at + end
    length = _uint(data, at)
    end = at + 32 + length + (-length % 32)
    if end > len(data) or any(data[at + 32 + length : end]):
        raise Refuse(f"{part['type']}: cut off, or dirty padding")
    content = data[at + 32 : at + 32 + length]
    if part["type"] != "string":
        return "0x" + content.hex(), end
    try:
        return json.dumps(content.decode("utf-8")), end
    except UnicodeDecodeError:
        raise Refuse("a string that is no text") from None


# --- the server's word on what would change: shown as such, since only the chain could tell


def predicted(diff):
    if diff is None:
        return ["The bundle predicts no changes: look at a simulation elsewhere."]
    members(diff, ("block", "meanings", "changes"), "diff")
    lines = [f"The server says (not checked here) that on block {read_uint(diff['block'], 'block')} this would change:"]
    for name, wanted in (
        ("meanings", ("address", "what", "before", "after")),
        ("changes", ("address", "field", "before", "after")),
    ):
        if not isinstance(diff[name], list) or len(diff[name]) > MOST_ITEMS:
            raise Refuse(f"diff: {name} is not a list")
        for one in diff[name]:
            if any(not isinstance(value, str) for value in members(one, wanted, name).values()):
                raise Refuse(f"diff: {name} holds something that is no text")
            lines.append(f"  {one['address']} {one[wanted[1]]}: {one['before'] or '0'} -> {one['after'] or '0'}")
    return lines


# --- the two ways in


def _once(pairs):
    if len(dict(pairs)) != len(pairs):
        raise Refuse("a key stands twice in the bundle")
    return dict(pairs)


def _no_number(text):
    raise Refuse(f"{text[:20]} is not a whole number")


def _whole(text):
    if len(text) > 16:
        raise Refuse("a number that is too long: integers are written as text")
    return int(text)


def read_bundle(path):
    try:
        raw = Path(path).read_bytes()
        if len(raw) > MOST_BYTES:
            raise Refuse(f"the bundle has {len(raw)} bytes, more than {MOST_BYTES}")
        bundle = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_once,
            parse_float=_no_number,
            parse_constant=_no_number,
            parse_int=_whole,
        )
    except (OSError, ValueError) as error:
        raise Refuse(f"the bundle cannot be read: {error}") from None
    if not isinstance(bundle, dict) or bundle.get("format") != FORMAT:
        raise Refuse(f"not a bundle of the format {FORMAT}")
    if set(bundle) != BUNDLE:
        raise Refuse(f"missing or unknown parts: {', '.join(sorted(set(bundle) ^ BUNDLE))}")
    if not isinstance(bundle["abis"], dict) or not isinstance(bundle["hashes"], dict):
        raise Refuse("abis and hashes must be objects")
    read_abis(bundle["abis"])
    if set(bundle["hashes"]) != {"domain", "message", "safeTx"}:
        raise Refuse("the bundle must name the domain, message and safeTx hashes")
    if bundle["plan"] is not None and not (
        isinstance(bundle["plan"], str) and re.fullmatch("[0-9a-f]{64}", bundle["plan"])
    ):
        raise Refuse("plan: not a sha256")
    return bundle


def type_fields():
    print("Type each field as the page, or better a colleague on the phone, gives it.")
    return {name: input(f"  {name}: ").strip() for name in FIELDS}


def compare(source, claims, found):
    for name, claim in claims.items():
        if str(claim).lower() != found[name]:
            raise Refuse(f"{source} says {name} {claim}, but the fields give {found[name]}")


def compare_as_owner(expected, owner, fields):
    """What the device shows belongs to a Safe that owns this one: its message, or its approval of the hash."""
    if not expected:
        raise Refuse("with --owner-safe, give at least one of the hashes that the device shows")
    safe, version = read_address(owner[0], "owner-safe"), read_version(owner[1])
    message = owner_message(fields, safe, version) or {}
    approval = hashes(owner_approval(fields, safe, version, read_uint(owner[2], "nonce of owner-safe")))
    if "safeMessage" in message:
        message["safeTx"] = message.pop("safeMessage")
    if not any(all(str(expected[name]).lower() == one.get(name) for name in expected) for one in (message, approval)):
        raise Refuse(f"the device shows neither the message that {safe} would sign nor its approval of the hash")
    entry = {"safe": safe, "version": version, "nonce": owner[2], "approve": approval, "message": None}
    entry["message"] = owner_message(fields, safe, version)
    return nested([entry], fields)


def verify(bundle, expected, owner=None):
    """Everything that is printed, or Refuse."""
    fields = read_fields(bundle["fields"])
    found = hashes(fields)
    calls = calls_of(fields)
    compare("the bundle", bundle["hashes"], found)
    if owner is None:
        compare("the device", expected, found)
    shown = [{"to": to, "value": str(value), "data": "0x" + data.hex()} for to, value, data in calls]
    if bundle["calls"] is not None and bundle["calls"] != shown:
        raise Refuse("the calls that the bundle shows are not what the transaction does")
    lines = [f"Safe {fields['safe']} ({fields['version']}) on chain {fields['chainId']}, nonce {fields['nonce']}"]
    lines += [f"  {number}. {put_in_words(*call, bundle['abis'])}" for number, call in enumerate(calls, 1)]
    lines += [f"LOOK: {one}" for one in findings(fields, calls, bundle["abis"])]
    lines += ["Not known here, since only the chain or the server's records can tell; see the proposal's page for:"]
    lines += undecided()
    if bundle["plan"]:
        lines.append(f"Plan     {bundle['plan']}")
    if "diff" in bundle:
        lines += predicted(bundle["diff"])
    lines += [f"Domain   {found['domain']}", f"Message  {found['message']}", f"Safe tx  {found['safeTx']}"]
    lines += nested(bundle["nested"], fields)
    return lines + (compare_as_owner(expected, owner, fields) if owner else [])


def plain(text):
    """What cannot be seen is spelled out: a bundle must not steer the terminal that it is read on."""
    return "".join(sign if sign.isprintable() and sign.isascii() else ascii(sign)[1:-1] for sign in text)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", help="a bundle exported from a proposal's page")
    parser.add_argument("--fields", action="store_true", help="type the raw fields in")
    parser.add_argument("--domain", help="the domain hash on the device")
    parser.add_argument("--message", help="the message hash on the device")
    parser.add_argument("--safe-tx", dest="safeTx", help="the safeTxHash on the device")
    parser.add_argument(
        "--owner-safe",
        dest="owner",
        nargs=3,
        metavar=("ADDRESS", "VERSION", "NONCE"),
        help="the Safe that owns this one and whose owner's device it is",
    )
    options = parser.parse_args(arguments)
    if bool(options.bundle) == options.fields:
        parser.error("name a bundle, or give --fields")
    given = {name: getattr(options, name) for name in ("domain", "message", "safeTx")}
    typed = {"hashes": {}, "abis": {}, "calls": None, "plan": None, "nested": []}
    try:
        expected = {name: read_hash(one, f"the {name} of the device") for name, one in given.items() if one is not None}
        bundle = {"fields": type_fields(), **typed} if options.fields else read_bundle(options.bundle)
        lines = verify(bundle, expected, options.owner)
    except Refuse as reason:
        print(f"DO NOT SIGN: {plain(str(reason))}", file=sys.stderr)
        return 1
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, EOFError) as error:
        print(f"DO NOT SIGN: the bundle is malformed ({type(error).__name__})", file=sys.stderr)
        return 1
    print("\n".join(plain(line) for line in lines))
    print("Compare these hashes with your device, digit by digit.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
