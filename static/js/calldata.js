// A call's arguments from its calldata and the function's signature: an own ABI decoder, so that the words on the page
// can be compared with the bytes that are signed. Only the one usual encoding is read; anything else is an error.
import { BadFields, checksum, fromHex, selectorOf, toHex } from "./safe-hash.js";

const MOST_ITEMS = 10_000;
const bad = (message) => new BadFields("data", message);

/** `(address,(uint256,bytes)[])` → a list of types; a tuple is a list of types of its own. */
function parseTypes(text) {
  let at = 0;
  const list = () => {
    const types = [];
    at += 1; // the opening bracket
    if (text[at] === ")") {
      at += 1;
      return types;
    }
    for (;;) {
      types.push(one());
      at += 1;
      if (text[at - 1] === ")") return types;
      if (text[at - 1] !== ",") throw bad("a signature that cannot be read");
    }
  };
  const one = () => {
    let type;
    if (text[at] === "(") {
      type = { tuple: list() };
      if (!type.tuple.length) throw bad("a tuple without members"); // an array of it would go on for ever
    } else {
      const word = /^[a-z]+[0-9]*/.exec(text.slice(at))?.[0];
      if (!word) throw bad("a signature that cannot be read");
      at += word.length;
      type = { word };
    }
    for (let size; (size = /^\[([0-9]{0,5})\]/.exec(text.slice(at))); at += size[0].length) {
      if (size[1] !== "" && !(Number(size[1]) > 0 && Number(size[1]) <= MOST_ITEMS)) throw bad("an array of an unusual size");
      type = { of: type, size: size[1] === "" ? null : Number(size[1]) };
    }
    return type;
  };
  if (text[0] !== "(") throw bad("a signature that cannot be read");
  const types = list();
  if (at !== text.length) throw bad("a signature that cannot be read");
  return types;
}

const spelled = (type) =>
  type.word ?? (type.tuple ? `(${type.tuple.map(spelled).join(",")})` : `${spelled(type.of)}[${type.size ?? ""}]`);
const isDynamic = (type) =>
  type.of
    ? type.size === null || isDynamic(type.of)
    : type.tuple
      ? type.tuple.some(isDynamic)
      : type.word === "bytes" || type.word === "string";
const headSize = (type) =>
  isDynamic(type) ? 32 : type.of ? type.size * headSize(type.of) : type.tuple ? type.tuple.reduce((sum, one) => sum + headSize(one), 0) : 32;

function word(bytes, at) {
  if (at + 32 > bytes.length) throw bad("too short for its function");
  return BigInt(toHex(bytes.slice(at, at + 32)));
}

function readWord(kind, number) {
  if (kind === "address") {
    if (number >> 160n) throw bad("an address with dirty bytes");
    return checksum("0x" + number.toString(16).padStart(40, "0"));
  }
  if (kind === "bool") {
    if (number > 1n) throw bad("a bool that is neither 0 nor 1");
    return number === 1n;
  }
  const [, base, size] = /^(uint|int|bytes)([1-9][0-9]{0,2})$/.exec(kind) ?? [];
  if (!base || (base === "bytes" ? Number(size) > 32 : Number(size) > 256 || Number(size) % 8)) throw bad(`the type ${kind} is not understood`);
  if (base === "bytes") {
    const bits = 8n * BigInt(size);
    if (number & ((1n << (256n - bits)) - 1n)) throw bad(`${kind} with dirty bytes`);
    return "0x" + (number >> (256n - bits)).toString(16).padStart(2 * Number(size), "0");
  }
  const bits = Number(size);
  const value = base === "int" ? BigInt.asIntN(256, number) : number;
  if (value !== (base === "int" ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value))) throw bad(`${kind} out of range`);
  return value.toString();
}

/** The values of types that stand one after the other from `start`, and where their bytes end. */
function readAll(types, bytes, start) {
  let head = start;
  let tail = start + types.reduce((sum, type) => sum + headSize(type), 0);
  const values = types.map((type) => {
    let value;
    if (isDynamic(type)) {
      if (word(bytes, head) !== BigInt(tail - start)) throw bad("an argument at an unusual offset");
      [value, tail] = readDynamic(type, bytes, tail);
    } else {
      value = readStatic(type, bytes, head);
    }
    head += headSize(type);
    return value;
  });
  return [values, tail];
}

function readStatic(type, bytes, at) {
  if (type.of) return Array.from({ length: type.size }, (_, index) => readStatic(type.of, bytes, at + index * headSize(type.of)));
  if (type.tuple) return readAll(type.tuple, bytes, at)[0];
  return readWord(type.word, word(bytes, at));
}

function readDynamic(type, bytes, at) {
  if (type.tuple) return readAll(type.tuple, bytes, at);
  if (type.of) {
    const counted = type.size === null;
    const count = counted ? word(bytes, at) : BigInt(type.size);
    if (count > BigInt(MOST_ITEMS)) throw bad("an array that is too long");
    return readAll(new Array(Number(count)).fill(type.of), bytes, counted ? at + 32 : at);
  }
  const length = word(bytes, at);
  if (length > BigInt(bytes.length)) throw bad("cut off");
  const end = at + 32 + Math.ceil(Number(length) / 32) * 32;
  const content = bytes.slice(at + 32, at + 32 + Number(length));
  if (end > bytes.length || bytes.slice(at + 32 + Number(length), end).some((byte) => byte !== 0)) throw bad("cut off, or dirty padding");
  return [type.word === "bytes" ? toHex(content) : asText(content), end];
}

function asText(content) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw bad("a string that is no text");
  }
}

/** The types and values of a call's arguments. */
export function valuesOf(signature, data) {
  if (!/^[A-Za-z_$][A-Za-z0-9_$]*\(/.test(signature)) throw bad("a signature that cannot be read");
  if (selectorOf(signature) !== data.slice(0, 10)) throw bad("another function's calldata");
  const types = parseTypes(signature.slice(signature.indexOf("(")));
  const bytes = fromHex("0x" + data.slice(10));
  const [values, end] = readAll(types, bytes, 0);
  if (end !== bytes.length) throw bad(`${bytes.length - end} bytes after the arguments`);
  return { types, values };
}

/** What a call's arguments are: a type and a text each, as the page must show them. */
export function argumentsOf(signature, data) {
  const { types, values } = valuesOf(signature, data);
  return types.map((type, index) => ({
    type: spelled(type),
    text: typeof values[index] === "string" ? values[index] : JSON.stringify(values[index]),
  }));
}

/** `value / 10**18` exactly, as the page writes an amount of the chain's own currency. */
export function inWholeUnits(wei) {
  const digits = BigInt(wei).toString().padStart(19, "0");
  const fraction = digits.slice(-18).replace(/0+$/, "");
  return digits.slice(0, -18) + (fraction ? `.${fraction}` : "");
}
