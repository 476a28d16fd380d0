#!/usr/bin/env python3
"""Recompute what a Safe transaction's signers see on their devices. One file, standard library only, no network.

    python3 verify_safe_tx.py bundle.json          a bundle exported from a proposal's page
    python3 verify_safe_tx.py --fields             type the raw fields in, one by one
    … --domain 0x… --message 0x… --safe-tx 0x…     compare with what the device shows

It fails closed: a missing or an extra field, an unknown Safe version, trailing bytes after a call's arguments, a
delegatecall to anything but the pinned MultiSendCallOnly, or a hash that differs is a non-zero exit and the reason.
"""

import argparse
import json
import re
import sys
from pathlib import Path

PINNED_BATCH = {
    "1.3.0": "0x40A2aCCbd92BCA938b02010E17A5b8929b49130D",
    "1.4.1": "0x9641d764fc13c8B624c04430C7356C1C7C8102e2",
    "1.5.0": "0xA83c336B20401Af773B6219BA5027174338D1836",
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
BUNDLE = {"format", "fields", "hashes", "calls", "abis", "plan"}
FORMAT = "breakglass-safe-tx-1"


class Refuse(Exception):
    """Why nothing should be signed."""


# --- keccak-256, as Ethereum uses it (padding 0x01, not SHA-3's 0x06)

_MASK = 2**64 - 1


def _round_constants():
    register = 1
    for _ in range(24):
        constant = 0
        for bit in range(7):
            if register & 1:
                constant ^= 1 << ((1 << bit) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        yield constant


def _rotations():
    table, x, y = {(0, 0): 0}, 1, 0
    for step in range(24):
        table[x, y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return table


_CONSTANTS = tuple(_round_constants())
_ROTATIONS = _rotations()


def _rotate(value, by):
    return ((value << by) | (value >> (64 - by))) & _MASK if by else value


def _permute(lanes):
    for constant in _CONSTANTS:
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        mixed = [columns[(x - 1) % 5] ^ _rotate(columns[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * 25
        for x in range(5):
            for y in range(5):
                moved[y + 5 * ((2 * x + 3 * y) % 5)] = _rotate(lanes[x + 5 * y] ^ mixed[x], _ROTATIONS[x, y])
        lanes = [
            moved[x + 5 * y] ^ (~moved[(x + 1) % 5 + 5 * y] & _MASK & moved[(x + 2) % 5 + 5 * y])
            for y in range(5)
            for x in range(5)
        ]
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


def read_fields(raw):
    if not isinstance(raw, dict):
        raise Refuse("fields: not an object")
    for name in FIELDS:
        if name not in raw:
            raise Refuse(f"{name}: missing")
    for name in raw:
        if name not in FIELDS:
            raise Refuse(f"{name}: unknown field")
    if raw["version"] not in PINNED_BATCH:
        raise Refuse(f"version: Safe {raw['version']} is not one of {', '.join(PINNED_BATCH)}")
    fields = {"version": raw["version"], "chainId": read_uint(raw["chainId"], "chainId")}
    fields["safe"] = read_address(raw["safe"], "safe")
    for kind, name in SAFE_TX:
        reader = {"address": read_address, "bytes": read_bytes}.get(kind, read_uint)
        fields[name] = reader(raw[name], name)
    if fields["operation"] not in (0, 1):
        raise Refuse("operation: neither a call (0) nor a delegatecall (1)")
    return fields


# --- EIP-712


def word(value):
    return (int(value, 16) if isinstance(value, str) else value).to_bytes(32, "big")


def struct(name, members, values):
    signature = f"{name}({','.join(f'{kind} {key}' for kind, key in members)})"
    words = [keccak(values[key]) if kind == "bytes" else word(values[key]) for kind, key in members]
    return keccak(keccak(signature.encode()) + b"".join(words))


def hashes(fields):
    about = (("uint256", "chainId"), ("address", "verifyingContract"))
    domain = struct("EIP712Domain", about, {"chainId": fields["chainId"], "verifyingContract": fields["safe"]})
    message = struct("SafeTx", SAFE_TX, fields)
    whole = keccak(b"\x19\x01" + domain + message)
    return {"domain": "0x" + domain.hex(), "message": "0x" + message.hex(), "safeTx": "0x" + whole.hex()}


# --- what it does


def batch(data):
    if data[:4] != keccak(b"multiSend(bytes)")[:4]:
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
        size = int.from_bytes(rest[at + 53 : start], "big")
        if start + size > length:
            raise Refuse("data: a batch that is cut off")
        if rest[at] != 0:
            raise Refuse("data: a delegatecall inside a batch")
        to, value = checksum("0x" + rest[at + 1 : at + 21].hex()), int.from_bytes(rest[at + 21 : at + 53], "big")
        calls.append((to, value, rest[start : start + size]))
        at = start + size
    return calls


def calls_of(fields):
    if fields["operation"] == 0:
        return [(fields["to"], fields["value"], fields["data"])]
    if fields["to"] != PINNED_BATCH[fields["version"]]:
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
    functions = [entry for entry in abis.get(to, ()) if entry.get("type") == "function"]
    for entry in functions:
        types = entry.get("inputs", [])
        for name in (entry["name"], *(part.get("name") or "_" for part in types)):
            if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]{0,100}", name):
                raise Refuse(f"the ABI bundled for {to} calls something {name!r}, which is no name")
        signature = f"{entry['name']}({','.join(kind_of(part) for part in types)})"
        if keccak(signature.encode())[:4] == data[:4]:
            values, end = decode(types, data[4:])
            if end != len(data) - 4:
                raise Refuse(f"{entry['name']}: {len(data) - 4 - end} trailing bytes after its arguments")
            shown = ", ".join(f"{part.get('name') or '?'} = {text}" for part, text in zip(types, values, strict=True))
            return f"{entry['name']}({shown}) on {head}"
    if functions:
        raise Refuse(f"0x{data[:4].hex()} is not a function of the ABI bundled for {to}")
    return f"0x{data[:4].hex()} … ({len(data)} bytes, no ABI) on {head}"


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
    match = re.fullmatch(r"(.*)\[(\d*)\]", part["type"])
    return ({**part, "type": match[1]}, match[2]) if match else None


def _dynamic(part):
    array = _array(part)
    if array:
        return array[1] == "" or _dynamic(array[0])
    if part["type"] == "tuple":
        return any(_dynamic(inner) for inner in part["components"])
    return part["type"] in ("bytes", "string")


def _head(part):
    if _dynamic(part):
        return 32
    array = _array(part)
    if array:
        return int(array[1]) * _head(array[0])
    if part["type"] == "tuple":
        return sum(_head(inner) for inner in part["components"])
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
    match = re.fullmatch(r"(u?int|bytes)(\d+)", kind)
    if not match:
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
        if count > 10_000:
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
    return (json.dumps(content.decode("utf-8", "replace")) if part["type"] == "string" else "0x" + content.hex()), end


# --- the two ways in


def _once(pairs):
    if len(dict(pairs)) != len(pairs):
        raise Refuse("a key stands twice in the bundle")
    return dict(pairs)


def read_bundle(path):
    try:
        bundle = json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=_once)
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
    return bundle


def type_fields():
    print("Type each field as the page, or better a colleague on the phone, gives it.")
    return {name: input(f"  {name}: ").strip() for name in FIELDS}


def compare(source, claims, found):
    for name, claim in claims.items():
        if str(claim).lower() != found[name]:
            raise Refuse(f"{source} says {name} {claim}, but the fields give {found[name]}")


def verify(bundle, expected):
    """Everything that is printed, or Refuse."""
    fields = read_fields(bundle["fields"])
    fields["operation"] = int(fields["operation"])
    found = hashes(fields)
    calls = calls_of(fields)
    lines = [f"Safe {fields['safe']} ({fields['version']}) on chain {fields['chainId']}, nonce {fields['nonce']}"]
    lines += [f"  {number}. {put_in_words(*call, bundle['abis'])}" for number, call in enumerate(calls, 1)]
    for name in ("safeTxGas", "baseGas", "gasPrice"):
        if fields[name]:
            lines.append(f"  note: {name} is {fields[name]}: executing it can pay a refund")
    lines += [f"Domain   {found['domain']}", f"Message  {found['message']}", f"Safe tx  {found['safeTx']}"]
    compare("the bundle", bundle["hashes"], found)
    compare("the device", expected, found)
    if bundle["calls"] is not None:
        shown = [{"to": to, "value": str(value), "data": "0x" + data.hex()} for to, value, data in calls]
        if bundle["calls"] != shown:
            raise Refuse("the calls that the bundle shows are not what the transaction does")
    return lines


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
    options = parser.parse_args(arguments)
    if bool(options.bundle) == options.fields:
        parser.error("name a bundle, or give --fields")
    expected = {name: getattr(options, name) for name in ("domain", "message", "safeTx") if getattr(options, name)}
    typed = {"hashes": {}, "abis": {}, "calls": None}
    try:
        bundle = {"fields": type_fields(), **typed} if options.fields else read_bundle(options.bundle)
        lines = verify(bundle, expected)
    except Refuse as reason:
        print(f"DO NOT SIGN: {plain(str(reason))}", file=sys.stderr)
        return 1
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError, EOFError) as error:
        print(f"DO NOT SIGN: the bundle is malformed ({type(error).__name__})", file=sys.stderr)
        return 1
    print("\n".join(plain(line) for line in lines))
    print("Compare these hashes with your device, digit by digit.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
