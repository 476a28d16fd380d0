// EIP-712: the hashes of typed data. Whatever is not exactly of its type is an error, never a guess.
import { address, concat, fromHex, integer, keccak, toHex, utf8, word } from "./bytes.js";

const DOMAIN = { name: "string", version: "string", chainId: "uint256", verifyingContract: "address", salt: "bytes32" };

function fail(path, error) {
  throw new TypeError(`${path}: ${error instanceof Error ? error.message : error}`);
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

// The typed data with its domain's type spelled out; members that no type names are refused, since they would be
// shown or expected but not signed.
export function parse(given) {
  let data = given;
  if (typeof given === "string") {
    try {
      data = JSON.parse(given);
    } catch {
      fail("typed data", "not JSON");
    }
  }
  if (!isObject(data) || !isObject(data.types) || !isObject(data.domain) || !isObject(data.message))
    fail("typed data", "types, domain, primaryType and message are what it has");
  const own = Object.keys(DOMAIN).filter((name) => Object.hasOwn(data.domain, name));
  const types = { EIP712Domain: own.map((name) => ({ name, type: DOMAIN[name] })), ...data.types };
  if (typeof data.primaryType !== "string" || !Object.hasOwn(types, data.primaryType))
    fail("primaryType", "not one of the types");
  for (const [name, members] of Object.entries(types)) {
    if (!/^[A-Za-z_$][\w$]*$/.test(name) || !Array.isArray(members)) fail(`types.${name}`, "not a list of members");
    const seen = members.map((member) => member?.name);
    if (seen.some((each) => typeof each !== "string") || new Set(seen).size !== seen.length)
      fail(`types.${name}`, "members need names of their own");
  }
  return { types, domain: data.domain, primaryType: data.primaryType, message: data.message };
}

function encodeType(types, primary) {
  const found = new Set();
  const visit = (name) => {
    if (found.has(name)) return;
    found.add(name);
    for (const { type } of types[name]) {
      const base = type.split("[")[0];
      if (Object.hasOwn(types, base)) visit(base);
    }
  };
  visit(primary);
  found.delete(primary);
  return [primary, ...[...found].sort()]
    .map((name) => `${name}(${types[name].map((member) => `${member.type} ${member.name}`).join(",")})`)
    .join("");
}

function bounded(value, type) {
  const [, sign, size] = type.match(/^(u?)int(\d*)$/);
  const bits = BigInt(size || 256);
  if (bits % 8n || bits < 8n || bits > 256n) throw new TypeError(`there is no type ${type}`);
  const number = integer(value);
  const [low, high] = sign ? [0n, (1n << bits) - 1n] : [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
  if (number < low || number > high) throw new TypeError(`does not fit into ${type}`);
  return word(number);
}

function fixedBytes(value, type) {
  const length = Number(type.slice(5));
  const bytes = fromHex(value);
  if (length < 1 || length > 32 || bytes.length !== length) throw new TypeError(`not ${type}`);
  return concat(bytes, new Uint8Array(32 - length));
}

function atom(type, value) {
  if (type === "string") {
    if (typeof value !== "string") throw new TypeError("not text");
    return keccak(utf8(value));
  }
  if (type === "bytes") return keccak(fromHex(value));
  if (type === "address") return concat(new Uint8Array(12), fromHex(address(value)));
  if (type === "bool") {
    if (typeof value !== "boolean") throw new TypeError("neither true nor false");
    return word(value ? 1n : 0n);
  }
  if (/^u?int\d*$/.test(type)) return bounded(value, type);
  if (/^bytes\d+$/.test(type)) return fixedBytes(value, type);
  throw new TypeError(`there is no type ${type}`);
}

function encodeValue(types, type, value, path) {
  const array = type.match(/^(.*)\[(\d*)\]$/);
  if (array) {
    if (!Array.isArray(value) || (array[2] && value.length !== Number(array[2]))) fail(path, `not ${type}`);
    return keccak(concat(...value.map((item, at) => encodeValue(types, array[1], item, `${path}[${at}]`))));
  }
  if (Object.hasOwn(types, type)) return structHash(types, type, value, path);
  try {
    return atom(type, value);
  } catch (error) {
    return fail(path, error);
  }
}

function structHash(types, name, value, path) {
  if (!isObject(value)) fail(path, `not a ${name}`);
  const members = types[name];
  for (const key of Object.keys(value))
    if (!members.some((member) => member.name === key)) fail(`${path}.${key}`, `${name} has no such member`);
  const parts = members.map((member) => {
    if (!Object.hasOwn(value, member.name)) fail(`${path}.${member.name}`, "missing");
    return encodeValue(types, member.type, value[member.name], `${path}.${member.name}`);
  });
  return keccak(concat(keccak(utf8(encodeType(types, name))), ...parts));
}

export function hashes(data) {
  const domain = structHash(data.types, "EIP712Domain", data.domain, "domain");
  const message = structHash(data.types, data.primaryType, data.message, "message");
  const digest = keccak(concat(Uint8Array.of(0x19, 0x01), domain, message));
  return { domain: toHex(domain), message: toHex(message), digest };
}

// Every value that is signed, one line each, by its path.
export function lines(data) {
  const found = [];
  const visit = (type, value, path) => {
    const array = type.match(/^(.*)\[\d*\]$/);
    if (array && value.length) value.forEach((item, at) => visit(array[1], item, `${path}[${at}]`));
    else if (array) found.push([path, "none"]);
    else if (Object.hasOwn(data.types, type))
      for (const member of data.types[type]) visit(member.type, value[member.name], path ? `${path}.${member.name}` : member.name);
    else found.push([path, shown(type, value)]);
  };
  visit(data.primaryType, data.message, "");
  return found;
}

function shown(type, value) {
  if (type === "address") return address(value);
  if (/^u?int\d*$/.test(type)) return integer(value).toString();
  return value === "" ? "(empty)" : String(value);
}
