// EIP-1559 transactions: the bytes that are signed and the bytes that are sent.
import { concat, fromHex, keccak, toHex, utf8 } from "./bytes.js";

function minimal(number) {
  if (number === 0n) return new Uint8Array();
  const digits = number.toString(16);
  return fromHex("0x" + (digits.length % 2 ? "0" + digits : digits));
}

function rlp(item) {
  if (item instanceof Uint8Array) {
    if (item.length === 1 && item[0] < 0x80) return item;
    return concat(prefix(item.length, 0x80), item);
  }
  const body = concat(...item.map(rlp));
  return concat(prefix(body.length, 0xc0), body);
}

function prefix(length, base) {
  if (length < 56) return Uint8Array.of(base + length);
  const size = minimal(BigInt(length));
  return concat(Uint8Array.of(base + 55 + size.length), size);
}

const fields = (tx) => [
  minimal(tx.chainId),
  minimal(tx.nonce),
  minimal(tx.maxPriorityFeePerGas),
  minimal(tx.maxFeePerGas),
  minimal(tx.gas),
  tx.to ? fromHex(tx.to) : new Uint8Array(),
  minimal(tx.value),
  tx.data,
  [],
];

export const signingHash = (tx) => keccak(concat(Uint8Array.of(2), rlp(fields(tx))));

export const serialize = (tx, { r, s, recovery }) =>
  toHex(concat(Uint8Array.of(2), rlp([...fields(tx), minimal(BigInt(recovery)), minimal(r), minimal(s)])));

// EIP-191: what personal_sign signs.
export const textHash = (bytes) => keccak(concat(utf8(`\x19Ethereum Signed Message:\n${bytes.length}`), bytes));
