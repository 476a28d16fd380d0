// The three hashes of a Safe transaction, from its raw fields alone: an own EIP-712 encoder over @noble's keccak.
// Nothing here believes the server: what cannot be read in exactly one way is an error, and an error blocks signing.
import { keccak_256 as keccak } from "../npm/@noble/hashes/sha3.js";

export const SUPPORTED = ["1.3.0", "1.4.1", "1.5.0"];

const SAFE_TX = [
  ["address", "to"],
  ["uint256", "value"],
  ["bytes", "data"],
  ["uint8", "operation"],
  ["uint256", "safeTxGas"],
  ["uint256", "baseGas"],
  ["uint256", "gasPrice"],
  ["address", "gasToken"],
  ["address", "refundReceiver"],
  ["uint256", "nonce"],
];
const DOMAIN = [
  ["uint256", "chainId"],
  ["address", "verifyingContract"],
];
export const RAW_FIELDS = ["chainId", "safe", "version", ...SAFE_TX.map(([, name]) => name)];

export class BadFields extends Error {
  constructor(field, message) {
    super(`${field}: ${message}`);
    this.field = field;
  }
}

export const toHex = (bytes) => "0x" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function fromHex(text, field = "data") {
  if (typeof text !== "string" || !/^0x([0-9a-f]{2})*$/i.test(text)) throw new BadFields(field, "not hexadecimal bytes");
  const bytes = new Uint8Array((text.length - 2) / 2);
  for (let index = 0; index < bytes.length; index++) bytes[index] = parseInt(text.slice(2 + 2 * index, 4 + 2 * index), 16);
  return bytes;
}

const utf8 = (text) => new TextEncoder().encode(text);

function concat(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function checksum(address) {
  const digits = address.slice(2).toLowerCase();
  const marks = toHex(keccak(utf8(digits))).slice(2);
  return "0x" + Array.from(digits, (digit, index) => (parseInt(marks[index], 16) >= 8 ? digit.toUpperCase() : digit)).join("");
}

function address(value, field) {
  if (typeof value !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(value)) throw new BadFields(field, "not an address");
  if (checksum(value) !== value) throw new BadFields(field, "the address's checksum is wrong");
  return value;
}

function uint(value, field, bits = 256n) {
  const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== "string" || !/^(0|[1-9][0-9]{0,77})$/.test(text)) throw new BadFields(field, "not a whole number");
  const number = BigInt(text);
  if (number >= 1n << bits) throw new BadFields(field, `more than ${bits} bits`);
  return number;
}

const word = (number) => fromHex("0x" + number.toString(16).padStart(64, "0"));

// The raw fields, each of its type and none missing or extra; or BadFields.
export function readFields(raw) {
  if (raw === null || typeof raw !== "object" || Array.isArray(raw)) throw new BadFields("fields", "not an object");
  for (const name of RAW_FIELDS) if (!Object.hasOwn(raw, name)) throw new BadFields(name, "missing");
  for (const name of Object.keys(raw)) if (!RAW_FIELDS.includes(name)) throw new BadFields(name, "unknown field");
  if (!SUPPORTED.includes(raw.version)) throw new BadFields("version", `Safe version ${raw.version} is not supported`);
  const fields = { version: raw.version, safe: address(raw.safe, "safe"), chainId: uint(raw.chainId, "chainId") };
  for (const [type, name] of SAFE_TX) {
    if (type === "address") fields[name] = address(raw[name], name);
    else if (type === "bytes") fields[name] = fromHex(raw[name], name);
    else fields[name] = uint(raw[name], name, type === "uint8" ? 8n : 256n);
  }
  if (fields.operation > 1n) throw new BadFields("operation", "neither a call (0) nor a delegatecall (1)");
  return fields;
}

export const readAddress = address;
export const readUint = uint;

function struct(name, members, values) {
  const type = keccak(utf8(`${name}(${members.map((member) => member.join(" ")).join(",")})`));
  const words = members.map(([kind, key]) => {
    if (kind === "address") return word(BigInt(values[key]));
    if (kind === "bytes") return keccak(values[key]);
    return word(values[key]);
  });
  return keccak(concat(type, ...words));
}

const domainOf = (chainId, safe) => struct("EIP712Domain", DOMAIN, { chainId, verifyingContract: safe });
const signed = (domain, message) => concat(new Uint8Array([0x19, 0x01]), domain, message);

export function hashes(raw) {
  const fields = readFields(raw);
  const domain = domainOf(fields.chainId, fields.safe);
  const message = struct("SafeTx", SAFE_TX, fields);
  return { domain: toHex(domain), message: toHex(message), safeTx: toHex(keccak(signed(domain, message))) };
}

// What a wallet is asked to sign: from the same checked fields, never from an answer of the server.
export function typedData(raw) {
  const fields = readFields(raw);
  const message = {};
  for (const [type, name] of SAFE_TX) {
    if (type === "address") message[name] = fields[name];
    else if (type === "bytes") message[name] = toHex(fields[name]);
    else message[name] = type === "uint8" ? Number(fields[name]) : fields[name].toString();
  }
  const chainId = fields.chainId <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(fields.chainId) : fields.chainId.toString();
  const named = (members) => members.map(([type, name]) => ({ name, type }));
  return {
    types: { EIP712Domain: named(DOMAIN), SafeTx: named(SAFE_TX) },
    primaryType: "SafeTx",
    domain: { chainId, verifyingContract: fields.safe },
    message,
  };
}

export function selectorOf(signature) {
  return toHex(keccak(utf8(signature)).slice(0, 4));
}

// The calls inside a batch, read strictly: unusual offsets, padding or a rest are an error.
export function batch(data) {
  const bytes = fromHex(data);
  const number = (from, to) => BigInt(toHex(bytes.slice(from, to)));
  if (toHex(bytes.slice(0, 4)) !== selectorOf("multiSend(bytes)")) throw new BadFields("data", "not a batch");
  if (bytes.length < 68 || number(4, 36) !== 32n) throw new BadFields("data", "a batch with an unusual offset");
  if (number(36, 68) > BigInt(bytes.length)) throw new BadFields("data", "a batch with trailing or missing bytes");
  const length = Number(number(36, 68));
  const padding = bytes.slice(68 + length);
  if (bytes.length !== 68 + Math.ceil(length / 32) * 32 || padding.some((byte) => byte !== 0))
    throw new BadFields("data", "a batch with trailing or missing bytes");
  const found = [];
  let at = 68;
  while (at < 68 + length) {
    const start = at + 85;
    if (start > 68 + length) throw new BadFields("data", "a batch that is cut off");
    const size = Number(number(at + 53, start));
    if (start + size > 68 + length) throw new BadFields("data", "a batch that is cut off");
    if (bytes[at] !== 0) throw new BadFields("data", "a delegatecall inside a batch");
    found.push({
      to: checksum(toHex(bytes.slice(at + 1, at + 21))),
      value: number(at + 21, at + 53).toString(),
      data: toHex(bytes.slice(start, start + size)),
    });
    at = start + size;
  }
  if (!found.length) throw new BadFields("data", "an empty batch");
  return found;
}

// The one use of a delegatecall: the batch contract of each Safe version, at its canonical addresses.
export const BATCH = {
  "1.3.0": ["0x40A2aCCbd92BCA938b02010E17A5b8929b49130D", "0xA1dabEF33b3B82c7814B6D82A79e50F4AC44102B"],
  "1.4.1": ["0x9641d764fc13c8B624c04430C7356C1C7C8102e2"],
  "1.5.0": ["0xA83c336B20401Af773B6219BA5027174338D1836"],
};

// The calls that the transaction makes, as the page must show them.
export function calls(raw) {
  const fields = readFields(raw);
  if (fields.operation === 0n) return [{ to: fields.to, value: fields.value.toString(), data: toHex(fields.data) }];
  if (!BATCH[fields.version].includes(fields.to))
    throw new BadFields("to", `a delegatecall to ${fields.to}, which is not the pinned MultiSendCallOnly: it can do anything`);
  return batch(toHex(fields.data));
}
