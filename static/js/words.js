// What a call does, as a sentence, from its bytes and an ABI that is believed in nothing but the names of arguments; and
// what to look at closely. tools/verify_safe_tx.py says the same, word for word: a test compares the two.
import { valuesOf } from "./calldata.js";
import { AMOUNTS, CARRIERS, EVERYTHING, KNOWN, UNDECIDED } from "./known-calls.js";
import { BadFields, readFields, selectorOf } from "./safe-hash.js";

const SELECTORS = Object.fromEntries(Object.keys(KNOWN).map((signature) => [selectorOf(signature), signature]));
const UNLIMITED = 2n ** 95n; // no token has so many units that a limit beyond it limits anything
const DEEPEST = 6;
const MOST_CARRIED = 400;
const ZERO = "0x" + "00".repeat(20);
const NAME = /^[A-Za-z_$][A-Za-z0-9_$]{0,100}$/;

const bad = (message) => new BadFields("data", message);
const selectorIn = (data) => data.slice(0, 10).toLowerCase();
const lengthOf = (data) => (data.length - 2) / 2;
const known = (data) => (lengthOf(data) >= 4 ? SELECTORS[selectorIn(data)] : undefined);

function typeOf(part) {
  const type = part?.type;
  if (typeof type !== "string") throw bad("an ABI that cannot be read");
  if (!type.startsWith("tuple")) return type;
  if (!Array.isArray(part.components)) throw bad("a tuple without members");
  return `(${part.components.map(typeOf).join(",")})${type.slice(5)}`;
}

/** The signature and the arguments' names of the function that is called; null where there is no ABI for the target. */
function functionOf({ to, data }, abis) {
  const entries = Object.hasOwn(abis, to) ? abis[to] : [];
  if (!Array.isArray(entries)) throw bad("an ABI that cannot be read");
  const functions = entries.filter((entry) => entry?.type === "function");
  for (const { name, inputs = [] } of functions) {
    if (!Array.isArray(inputs)) throw bad("an ABI that cannot be read");
    for (const one of [name, ...inputs.map((part) => part?.name || "_")])
      if (typeof one !== "string" || !NAME.test(one)) throw bad(`the ABI bundled for ${to} calls something by what is no name`);
    const signature = `${name}(${inputs.map(typeOf).join(",")})`;
    if (selectorOf(signature) !== selectorIn(data)) continue;
    if (known(data) && signature !== known(data)) throw bad(`the bundle calls it ${signature}, but ${selectorIn(data)} is ${known(data)}`);
    return { name, signature, names: inputs.map((part) => part.name || "") };
  }
  if (known(data)) return { name: known(data).split("(")[0], signature: known(data), names: [] };
  if (functions.length) throw bad(`${selectorIn(data)} is not a function of the ABI bundled for ${to}`);
  return null;
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
  const left = { calls: MOST_CARRIED };
  calls.forEach((call, index) => found.push(...look(`call ${index + 1}`, fields.safe, call, abis, left, 0)));
  return found;
}

/** One call, and whatever it carries. Its bytes are exactly what its ABI says, or nothing is known of it. */
function look(where, safe, call, abis, left, depth) {
  const { to, value, data } = call;
  const signature = known(data);
  const found = [];
  if (signature) {
    found.push(`${where} ${KNOWN[signature]}: ${signature}`);
    if (withoutLimit(signature, data)) found.push(`${where} lets another spend without limit`);
  } else if (data !== "0x" && functionOf(call, abis) === null) {
    found.push(`${where} is ${selectorIn(data)} on ${to}, of which the bundle has no ABI: nobody can say what`);
  }
  if (to === safe && (data !== "0x" || value !== "0")) found.push(`${where} is to the Safe itself: it can change who controls it`);
  if (to === ZERO && data !== "0x") found.push(`${where} is to the zero address, which a batch takes for the Safe itself`);
  if (value !== "0") found.push(`${where} sends ${value} wei to ${to}`);
  carried(signature, to, data).forEach((inner, index) => found.push(...lookInside(`${where}.${index + 1}`, safe, inner, abis, left, depth + 1)));
  return found;
}

function lookInside(where, safe, call, abis, left, depth) {
  left.calls -= 1;
  if (depth > DEEPEST || left.calls < 0) return [`${where} lies deeper than anybody reads: nobody can say what`];
  let words;
  try {
    words = inWords(call, abis);
  } catch {
    return [`${where} is carried along to ${call.to} and cannot be put into words: nobody can say what`];
  }
  const found = [`${where} is carried along: ${words}`];
  if (call.delegated) found.push(`${where} runs the code at ${call.to} with everything that its caller has`);
  return [...found, ...look(where, safe, call, abis, left, depth)];
}

function withoutLimit(signature, data) {
  const wordAt = (place) => BigInt("0x" + (data.slice(10 + 64 * place, 74 + 64 * place) || "0"));
  if (Object.hasOwn(AMOUNTS, signature)) return wordAt(AMOUNTS[signature]) >= UNLIMITED;
  return signature === "authorizeOperator(address)" || (Object.hasOwn(EVERYTHING, signature) && wordAt(EVERYTHING[signature]) === 1n);
}

/** The calls right inside this one, each with whether it is a delegatecall. */
function carried(signature, to, data) {
  if (!signature || !Object.hasOwn(CARRIERS, signature)) return [];
  const { values } = valuesOf(signature, data.toLowerCase());
  const [kind, ...places] = CARRIERS[signature];
  const given = places.map((place) => values[place]);
  const call = (target, value, bytes, operation = "0") => ({ to: target, value, data: bytes, delegated: operation === "1" });
  if (kind === "one") return [call(...given)];
  if (kind === "many") {
    if (given.some((list) => list.length !== given[0].length)) throw bad(`${signature}: lists of different lengths`);
    return given[0].map((_, index) => call(...given.map((list) => list[index])));
  }
  if (kind === "rows") return given[0].map((row) => call(row[0], row.length === 4 ? row[2] : "0", row.at(-1)));
  if (kind === "each") return given[0].map((one) => call(to, "0", one));
  const last = given.at(-1); // "itself", "of": nothing is called where there are no data
  return last === "0x" ? [] : [call(kind === "itself" ? to : given[0], "0", last)];
}
