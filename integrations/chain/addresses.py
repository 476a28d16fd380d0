"""Addresses and hashes as text: one spelling inside the house, clear errors at its door."""

import re
from functools import lru_cache

from integrations.chain.hashing import keccak
from ledger.errors import Invalid

ZERO_ADDRESS = "0x" + "0" * 40
MAX_UINT256 = 2**256 - 1
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}\Z")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}\Z")
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*\Z")


def checksum(address: str | bytes) -> str:
    """EIP-55 spelling of 20 bytes, or of text that is known to be an address."""
    digits = address.hex() if isinstance(address, bytes) else address[2:].lower()
    if len(digits) != 40:
        raise ValueError("an address has 20 bytes")
    return _spelled(digits)


@lru_cache(maxsize=4096)
def _spelled(digits: str) -> str:
    """The same few addresses are asked for again and again."""
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(c.upper() if int(mark, 16) >= 8 else c for c, mark in zip(digits, marks, strict=False))


def parse_address(text: object, field: str = "address") -> str:
    """Checksummed address, or Invalid; mixed case that is no checksum is a typing error, not a style."""
    if not isinstance(text, str) or not _ADDRESS.match(text.strip()):
        raise Invalid(field, "This is not an address.", "0x followed by 40 hexadecimal digits")
    given = text.strip()
    right = checksum(given)
    digits = given[2:]
    if given != right and digits != digits.lower() and digits != digits.upper():
        raise Invalid(field, "The checksum of this address does not match: a character is wrong.", "copy it again")
    return right


def parse_hash(text: object, field: str = "hash") -> str:
    """Lowercase 32-byte hash, or Invalid."""
    if not isinstance(text, str) or not _HASH.match(text.strip()):
        raise Invalid(field, "This is not a 32-byte hash.", "0x followed by 64 hexadecimal digits")
    return text.strip().lower()


def parse_hex(text: object, field: str = "data") -> bytes:
    """Bytes from 0x text, or Invalid."""
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str) or not _HEX.match(text.strip()):
        raise Invalid(field, "These are not hexadecimal bytes.", "0x followed by an even number of hexadecimal digits")
    return bytes.fromhex(text.strip()[2:])


def parse_uint(value: object, field: str = "value", bits: int = 256) -> int:
    """An exact unsigned integer from an int, decimal text or 0x text; never from a float."""
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and re.fullmatch(r"[0-9]{1,78}", value.strip()):
        number = int(value.strip())
    elif isinstance(value, str) and re.fullmatch(r"0x[0-9a-fA-F]{1,64}", value.strip()):
        number = int(value.strip(), 16)
    if number is None or not 0 <= number < 2**bits:
        raise Invalid(field, "This is not a whole number in range.", f"0 to 2^{bits} - 1, in decimal digits")
    return number


def pad32(value: int | str | bytes) -> bytes:
    """An ABI word: a number, an address, or up to 32 bytes padded on the left."""
    if isinstance(value, int):
        return value.to_bytes(32, "big")
    raw = bytes.fromhex(value[2:]) if isinstance(value, str) else value
    return raw.rjust(32, b"\0")
