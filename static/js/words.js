// What a call does, as a sentence, from its bytes and an ABI that is believed in nothing but the names of arguments; and
// what to look at closely. tools/verify_safe_tx.py says the same, word for word: a test compares the two.
import { valuesOf } from "./calldata.js";
import { DEEPEST, MOST_CARRIED, carried, known, selectorIn } from "./carried.js";
import { AMOUNTS, EVERYTHING, KNOWN, UNDECIDED } from "./known-calls.js";
import { BadFields, checksum, readFields, selectorOf } from "./safe-hash.js";

const UNLIMITED = 2n ** 95n; // no token has so many units that a limit beyond it limits anything
const ZERO = "0x" + "00".repeat(20);
const NAME = /^[A-Za-z_$][A-Za-z0-9_$]{0,100}$/;

const ENTRY = ["type", "name", "inputs", "outputs", "stateMutability", "anonymous", "constant", "payable"];
const PART = ["name", "type", "internalType", "components", "indexed"];

const bad = (message) => new BadFields("data", message);
const lengthOf = (data) => (data.length - 2) / 2;
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** A function that the ABI bundled for a target does not have: what an upgrade runs is not in the ABI of before it. */
class NotInAbi extends BadFields {}

function typeOf(part) {
  const { type } = part;
  if (!type.startsWith("tuple")) return type;
  return `(${part.components.map(typeOf).join(",")})${type.slice(5)}`;
}

function readParts(parts, to) {
  if (!Array.isArray(parts)) throw bad(`the ABI bundled for ${to} cannot be read`);
  for (const part of parts) {
    if (!isObject(part) || typeof part.type !== "string") throw bad(`the ABI bundled for ${to} cannot be read`);
    for (const key of Object.keys(part)) if (!PART.includes(key)) throw bad(`the ABI bundled for ${to} has ${key}, which no ABI has`);
    checkName(part.name || "_", to);
    if (!part.type.startsWith("tuple") && !Object.hasOwn(part, "components")) continue;
    if (!Array.isArray(part.components) || !part.components.length) throw bad("a tuple without members");
    readParts(part.components, to);
  }
}

function checkName(name, to) {
  if (typeof name !== "string" || !NAME.test(name)) throw bad(`the ABI bundled for ${to} calls something by what is no name`);
}

/** ABIs as a bundle may hold them: of addresses spelled right, and nothing in them but what an ABI has. */
export function readAbis(abis) {
  for (const [to, entries] of Object.entries(abis)) {
    if (!/^0x[0-9a-fA-F]{40}$/.test(to) || checksum(to) !== to) throw bad(`an ABI for ${to}, which is no address`);
    if (!Array.isArray(entries)) throw bad(`the ABI bundled for ${to} cannot be read`);
    for (const entry of entries) {
      if (!isObject(entry)) throw bad(`the ABI bundled for ${to} cannot be read`);
      for (const key of Object.keys(entry)) if (!ENTRY.includes(key)) throw bad(`the ABI bundled for ${to} has ${key}, which no ABI has`);
      if (entry.type === "function" || Object.hasOwn(entry, "inputs")) readParts(entry.inputs, to);
      if (entry.type === "function") checkName(entry.name, to);
    }
  }
}

/** The function that is called and its arguments' names; null where there is no ABI for the target. What is known here
 * has no other name, and no names of arguments: those would be the bundle's. */
function functionOf({ to, data }, abis) {
  const functions = (Object.hasOwn(abis, to) ? abis[to] : []).filter((entry) => entry.type === "function");
  const wellKnown = known(data);
  let found = null;
  for (const { name, inputs } of functions) {
    const signature = `${name}(${inputs.map(typeOf).join(",")})`;
    if (selectorOf(signature) !== selectorIn(data)) continue;
    if (wellKnown && signature !== wellKnown) throw bad(`the bundle calls it ${signature}, but ${selectorIn(data)} is ${wellKnown}`);
    found ??= { name, signature, names: inputs.map((part) => part.name || "") };
  }
  if (wellKnown) return { name: wellKnown.split("(")[0], signature: wellKnown, names: [] };
  if (!found && functions.length) throw new NotInAbi("data", `${selectorIn(data)} is not a function of the ABI bundled for ${to}`);
  return found;
}

// Every sign that is not plain ASCII is spelled out, so that no text of a call can pass for something else.
const quoted = (text) =>
  JSON.stringify(text).replace(/[^\x20-\x7e]/g, (sign) => "\\u" + sign.charCodeAt(0).toString(16).padStart(4, "0"));

function spelledOut(type, value) {
  if (type.of) return `[${value.map((one) => spelledOut(type.of, one)).join(", ")}]`;
  if (type.tuple) return `(${value.map((one, index) => spelledOut(type.tuple[index], one)).join(", ")})`;
  return type.word === "string" ? quoted(value) : String(value);
}

/** One call as text; an error when its bytes are not exactly what its ABI says. */
export function inWords(call, abis) {
  const head = call.to + (call.value === "0" ? "" : ` with ${call.value} wei`);
  if (call.data === "0x") return call.value === "0" ? `empty call to ${head}` : `send to ${head}`;
  if (lengthOf(call.data) < 4) throw bad(`${lengthOf(call.data)} bytes of calldata are no function call`);
  const found = functionOf(call, abis);
  if (!found) return `${selectorIn(call.data)} … (${lengthOf(call.data)} bytes, no ABI) on ${head}`;
  const { types, values } = valuesOf(found.signature, call.data.toLowerCase());
  const shown = types.map((type, index) => (found.names[index] ? `${found.names[index]} = ` : "") + spelledOut(type, values[index]));
  return `${found.name}(${shown.join(", ")}) on ${head}`;
}

/** What the server's page says besides, and nobody can tell without the chain or the server's records. */
export const undecided = () => UNDECIDED;

/** What to look at closely, as sentences. The server's own page has more of them: it knows the chain. */
export function findings(raw, calls, abis) {
  const fields = readFields(raw);
  const found = [];
  for (const name of ["safeTxGas", "baseGas", "gasPrice"])
    if (fields[name]) found.push(`${name} is ${fields[name]}: executing it can pay a refund to ${fields.refundReceiver}`);
  for (const name of ["gasToken", "refundReceiver"])
    if (fields[name] !== ZERO) found.push(`${name} is ${fields[name]}: a refund is named, whether or not it is paid now`);
  if (fields.operation && fields.value) found.push(`value is ${fields.value} beside a delegatecall, which sends none: nobody means that`);
  const looking = { left: MOST_CARRIED, called: new Set([fields.to]) };
  calls.forEach((call, index) => found.push(...look(`call ${index + 1}`, fields.safe, call, abis, looking, 0)));
  const extra = Object.keys(abis).find((to) => !looking.called.has(to));
  if (extra) throw bad(`an ABI for ${extra}, which is not called`);
  return found;
}

/** One call, and whatever it carries. Its bytes are exactly what its ABI says, or nothing is known of it. */
function look(where, safe, call, abis, looking, depth) {
  const { to, value, data } = call;
  const signature = known(data);
  const found = [];
  looking.called.add(to);
  if (signature) {
    found.push(`${where} ${KNOWN[signature]}: ${signature}`);
    if (withoutLimit(signature, data)) found.push(`${where} lets another spend without limit`);
  } else if (data !== "0x") found.push(`${where} is ${whatever(call, abis)}`);
  if (to === safe && (data !== "0x" || value !== "0")) found.push(`${where} is to the Safe itself: it can change who controls it`);
  if (to === ZERO && data !== "0x") found.push(`${where} is to the zero address, which a batch takes for the Safe itself`);
  if (value !== "0") found.push(`${where} sends ${value} wei to ${to}`);
  carried(call).forEach((inner, index) => found.push(...lookInside(`${where}.${index + 1}`, safe, inner, abis, looking, depth + 1)));
  return found;
}

/** A function that is not known here: by its name in the bundle, or by four bytes. */
function whatever(call, abis) {
  try {
    const named = functionOf(call, abis);
    if (named) return `named ${named.name} by the bundle only: not known here, and only four bytes bind it to that name`;
    return `${selectorIn(call.data)} on ${call.to}, of which the bundle has no ABI: nobody can say what`;
  } catch (error) {
    if (!(error instanceof NotInAbi)) throw error;
    return `${selectorIn(call.data)} on ${call.to}, which the ABI in the bundle does not have: nobody can say what`;
  }
}

function lookInside(where, safe, call, abis, looking, depth) {
  looking.left -= 1;
  if (depth > DEEPEST || looking.left < 0) throw bad(`${where} lies deeper than anybody reads`);
  let words;
  try {
    words = inWords(call, abis);
  } catch (error) {
    if (!(error instanceof NotInAbi)) throw bad(`${where}, to ${call.to}, cannot be put into words: ${error.message.replace(/^data: /, "")}`);
    words = `${selectorIn(call.data)} … (${lengthOf(call.data)} bytes) on ${call.to}`;
  }
  const found = [`${where} is carried along: ${words}`];
  if (call.delegated) found.push(`${where} runs the code at ${call.to} with everything that its caller has`);
  return [...found, ...look(where, safe, call, abis, looking, depth)];
}

function withoutLimit(signature, data) {
  const wordAt = (place) => BigInt("0x" + (data.slice(10 + 64 * place, 74 + 64 * place) || "0"));
  if (Object.hasOwn(AMOUNTS, signature)) return wordAt(AMOUNTS[signature]) >= UNLIMITED;
  return signature === "authorizeOperator(address)" || (Object.hasOwn(EVERYTHING, signature) && wordAt(EVERYTHING[signature]) === 1n);
}
