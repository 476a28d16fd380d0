// Bytes, hexadecimal and addresses.
import { keccak_256 } from "/static/npm/@noble/hashes/sha3.js";

export const keccak = keccak_256;
export const utf8 = (text) => new TextEncoder().encode(text);
export const toHex = (bytes) => "0x" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function fromHex(text) {
  if (typeof text !== "string" || !/^0x([0-9a-fA-F]{2})*$/.test(text)) throw new TypeError("not hexadecimal bytes");
  return Uint8Array.from(text.slice(2).match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function concat(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

// A whole number from what JSON can carry: a safe number, decimal text or 0x text.
export function integer(value) {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^(-?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+)$/.test(value)) return BigInt(value);
  throw new TypeError("not a whole number");
}

export const word = (number) => fromHex("0x" + BigInt.asUintN(256, number).toString(16).padStart(64, "0"));

export function checksum(address) {
  const digits = address.slice(2).toLowerCase();
  const marks = toHex(keccak(utf8(digits)));
  return "0x" + Array.from(digits, (digit, at) => (parseInt(marks[at + 2], 16) > 7 ? digit.toUpperCase() : digit)).join("");
}

export function address(value) {
  if (typeof value !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(value)) throw new TypeError("not an address");
  const digits = value.slice(2);
  const mixed = digits !== digits.toLowerCase() && digits !== digits.toUpperCase();
  if (mixed && checksum(value) !== value) throw new TypeError("an address whose checksum is wrong");
  return checksum(value);
}
