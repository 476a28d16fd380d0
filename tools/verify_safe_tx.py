#!/usr/bin/env python3
"""Recompute what a Safe transaction's signers see on their devices. One file, standard library only, no network.

    python3 verify_safe_tx.py bundle.json          a bundle exported from a proposal's page
    python3 verify_safe_tx.py --fields             type the raw fields in, one by one
    … --domain 0x… --message 0x… --safe-tx 0x…     compare with what the device shows
    … --owner-safe 0x… VERSION NONCE               the device is an owner's of this Safe, which owns the other one

It fails closed: a missing or an extra field, an unknown Safe version, trailing bytes after a call's arguments, a
delegatecall to anything but the pinned MultiSendCallOnly, or a hash that differs is a non-zero exit and the reason.
What it cannot know without the chain it says: whether the nonce is the next one, what stands at an address, and what
would change. The names in the bundle, and its diff, are the server's word; the hashes and the calls are not.
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

# Functions that give power or funds away. Their names are known here: no ABI of a bundle can call them otherwise.
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
    "changeMasterCopy(address)": "changes the code of a Safe",
    "approveHash(bytes32)": "approves another Safe's transaction, of which only the hash is seen",
    "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)": "executes another Safe's transaction",  # noqa: E501
    "execTransactionFromModule(address,uint256,bytes,uint8)": "acts as a module of another Safe",
    "upgradeTo(address)": "changes the code of a contract",
    "upgradeToAndCall(address,bytes)": "changes the code of a contract and runs it",
    "upgrade(address,address)": "changes the code of a contract",
    "upgradeAndCall(address,address,bytes)": "changes the code of a contract and runs it",
    "changeAdmin(address)": "gives the power to upgrade away",
    "changeProxyAdmin(address,address)": "gives the power to upgrade away",
    "transferOwnership(address)": "gives ownership away",
    "renounceOwnership()": "gives ownership up",
    "setOwner(address)": "gives ownership away",
    "grantRole(bytes32,address)": "grants a role",
    "revokeRole(bytes32,address)": "takes a role away",
    "renounceRole(bytes32,address)": "gives a role up",
    "approve(address,uint256)": "lets another spend",
    "increaseAllowance(address,uint256)": "lets another spend more",
    "setApprovalForAll(address,bool)": "lets another move every token",
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)": "lets another spend",
    "transfer(address,uint256)": "moves tokens",
    "transferFrom(address,address,uint256)": "moves tokens",
    "safeTransferFrom(address,address,uint256)": "moves a token",
    "updateDelay(uint256)": "changes a timelock's delay",
    "setDelay(uint256)": "changes a timelock's delay",
}
UNLIMITED = 2**255


LABELS = {
    "domain": "domain hash",
    "message": "message hash",
    "safeMessage": "Safe message hash",
    "safeTx": "Safe tx hash",
}


class Refuse(Exception):
    """Why nothing should be signed."""


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
    named = [f"{part['name']} = {text}" if part.get("name") else text for part, text in zip(types, values, strict=True)]
    shown = ", ".join(named)
    return f"{name}({shown}) on {head}"


def function_of(to, data, abis):
    """Types and name of the function that is called; (None, None) where there is no ABI for the target."""
    functions = [entry for entry in abis.get(to, ()) if entry.get("type") == "function"]
    known = known_signature(data)
    for entry in functions:
        types = entry.get("inputs", [])
        for name in (entry["name"], *(part.get("name") or "_" for part in types)):
            if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]{0,100}", name):
                raise Refuse(f"the ABI bundled for {to} calls something {name!r}, which is no name")
        signature = f"{entry['name']}({','.join(kind_of(part) for part in types)})"
        if selector(signature) == data[:4]:
            if known and signature != known:
                raise Refuse(f"the bundle calls it {signature}, but 0x{data[:4].hex()} is {known}")
            return types, entry["name"]
    if known:
        name, types = known[:-1].split("(")
        return [{"type": kind} for kind in types.split(",") if kind], name
    if functions:
        raise Refuse(f"0x{data[:4].hex()} is not a function of the ABI bundled for {to}")
    return None, None


def known_signature(data):
    return next((one for one in KNOWN if selector(one) == data[:4]), None)


def findings(fields, calls, abis):
    """What to look at closely, as sentences. The server's own page has more of them: it knows the chain."""
    found = []
    for name in ("safeTxGas", "baseGas", "gasPrice"):
        if fields[name]:
            found.append(f"{name} is {fields[name]}: executing it can pay a refund to {fields['refundReceiver']}")
    for number, (to, value, data) in enumerate(calls, 1):
        known = known_signature(data) if len(data) >= 4 else None
        if known:
            found.append(f"call {number} {KNOWN[known]}: {known}")
            if known.startswith(("approve(", "increase")) and int.from_bytes(data[36:68], "big") >= UNLIMITED:
                found.append(f"call {number} lets another spend without limit")
        elif data and function_of(to, data, abis)[1] is None:
            found.append(
                f"call {number} is 0x{data[:4].hex()} on {to}, of which the bundle has no ABI: nobody can say what"
            )
        if to == fields["safe"] and (data or value):
            found.append(f"call {number} is to the Safe itself: it can change who controls it")
        if value:
            found.append(f"call {number} sends {value} wei to {to}")
    return found


def decode(types, data):
    """Values as text and where their bytes end. Only plain layouts are taken: everything in order, nothing between."""
    tail = sum(_head(part) for part in types)
    values, at = [], 0
    for part in types:
        if _dynamic(part):
            if _uint(data, at) != tail:
                raise Refuse("an argument at an unusual offset")
            text, tail = _dynamic_value(part, data, tail)
        else:
            text = _static(part, data, at)
        values.append(text)
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
        inner = [_static(array[0], data, at + index * _head(array[0])) for index in range(int(array[1]))]
        return "[" + ", ".join(inner) + "]"
    if part["type"] == "tuple":
        return "(" + ", ".join(decode(part["components"], data[at : at + _head(part)])[0]) + ")"
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
        return "[" + ", ".join(values) + "]", at + end
    if part["type"] == "tuple":
        values, end = decode(part["components"], data[at:])
        return "(" + ", ".join(values) + ")", at + end
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
    expected = {name: getattr(options, name) for name in ("domain", "message", "safeTx") if getattr(options, name)}
    typed = {"hashes": {}, "abis": {}, "calls": None, "plan": None, "nested": []}
    try:
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
