// A bundle as it was exported, read as strictly as tools/verify_safe_tx.py reads it: what is missing, extra, written twice
// or not of its type is an error, and what does not follow from the raw fields is one too.
import { approvalFields, canAnswer } from "./owning.js";
import { BadFields, calls, hashes, readAddress, readFields, readUint } from "./safe-hash.js";
import { messageHashes } from "./safe-message.js";
import { findings, inWords, readAbis } from "./words.js";

export const FORMAT = "breakglass-safe-tx-2";
const PARTS = ["format", "fields", "hashes", "calls", "abis", "plan", "diff", "nested"];
const MOST_SIGNS = 4_000_000;
const MOST_ITEMS = 10_000;
const MOST_DEPTH = 60;

const bad = (message) => new BadFields("bundle", message);

/** JSON without what JSON.parse lets through: a key that stands twice, a fraction, an integer that is not exact. */
export function strictJson(text) {
  if (text.length > MOST_SIGNS) throw bad("too long");
  const token = /\s*(?:([{}[\],:])|("[^"\\\u0000-\u001f]*(?:\\.[^"\\\u0000-\u001f]*)*")|(-?(?:0|[1-9][0-9]*)(?![0-9.eE]))|(true|false|null)(?![A-Za-z0-9]))/y;
  let depth = 0;
  const next = () => {
    const found = token.exec(text);
    if (!found) throw bad("not JSON, or with a number that is not a whole one");
    return found;
  };
  const value = (found = next()) => {
    const [, mark, quoted, digits, word] = found;
    if (quoted) return JSON.parse(quoted);
    if (word) return JSON.parse(word);
    if (digits) {
      if (digits.length > 16) throw bad("a number that is too long: integers are written as text");
      return Number(digits);
    }
    if (mark !== "{" && mark !== "[") throw bad("not JSON");
    if (++depth > MOST_DEPTH) throw bad("nested too deeply");
    const made = mark === "{" ? object() : list();
    depth -= 1;
    return made;
  };
  const list = () => {
    const made = [];
    for (let found = next(); found[1] !== "]"; found = next()) {
      if (made.length) {
        if (found[1] !== ",") throw bad("not JSON");
        found = next();
      }
      made.push(value(found));
    }
    return made;
  };
  const object = () => {
    const made = new Map();
    for (let found = next(); found[1] !== "}"; found = next()) {
      if (made.size) {
        if (found[1] !== ",") throw bad("not JSON");
        found = next();
      }
      if (!found[2] || next()[1] !== ":") throw bad("not JSON");
      const key = JSON.parse(found[2]);
      if (made.has(key)) throw bad("a key stands twice in the bundle");
      made.set(key, value());
    }
    return Object.fromEntries(made);
  };
  const all = value();
  if (text.slice(token.lastIndex).trim()) throw bad("something stands after its end");
  return all;
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

function members(value, wanted, name) {
  if (!isObject(value)) throw new BadFields(name, "not an object");
  for (const one of wanted) if (!Object.hasOwn(value, one)) throw new BadFields(one, "missing");
  for (const one of Object.keys(value)) if (!wanted.includes(one)) throw new BadFields(one, "unknown field");
  return value;
}

function compare(source, claims, found) {
  members(claims, Object.keys(found), source);
  for (const [name, claim] of Object.entries(claims))
    if (typeof claim !== "string" || claim.toLowerCase() !== found[name])
      throw bad(`${source} says ${name} ${claim}, but the fields give ${found[name]}`);
}

/** Raw fields alone, typed in: everything that follows from them. */
export function fromFields(fields, abis = {}) {
  readFields(fields);
  const found = calls(fields);
  return {
    fields,
    hashes: hashes(fields),
    calls: found,
    sentences: found.map((call) => inWords(call, abis)),
    findings: findings(fields, found, abis),
    plan: null,
    diff: null,
    nested: [],
  };
}

/** An exported bundle: what follows from its raw fields, or an error that says what is not as it must be. */
export function readBundle(text) {
  const bundle = strictJson(text);
  if (!isObject(bundle) || bundle.format !== FORMAT) throw bad(`not a bundle of the format ${FORMAT}`);
  members(bundle, PARTS, "bundle");
  if (!isObject(bundle.abis)) throw bad("abis must be an object");
  readAbis(bundle.abis);
  if (bundle.plan !== null && (typeof bundle.plan !== "string" || !/^[0-9a-f]{64}$/.test(bundle.plan))) throw new BadFields("plan", "not a sha256");
  const found = fromFields(bundle.fields, bundle.abis);
  compare("the bundle", bundle.hashes, found.hashes);
  if (bundle.calls !== null) checkCalls(bundle.calls, found.calls);
  return { ...found, plan: bundle.plan, diff: readDiff(bundle.diff), nested: readNested(bundle.nested, bundle.fields) };
}

function checkCalls(shown, real) {
  const same = (one, call) => isObject(one) && Object.keys(one).length === 3 && ["to", "value", "data"].every((name) => one[name] === call[name]);
  if (!Array.isArray(shown) || shown.length !== real.length || !real.every((call, index) => same(shown[index], call)))
    throw bad("the calls that the bundle shows are not what the transaction does");
}

function readDiff(diff) {
  if (diff === null) return null;
  members(diff, ["block", "meanings", "changes"], "diff");
  readUint(diff.block, "block");
  for (const [name, wanted] of [["meanings", "what"], ["changes", "field"]]) {
    if (!Array.isArray(diff[name]) || diff[name].length > MOST_ITEMS) throw new BadFields("diff", `${name} is not a list`);
    for (const one of diff[name])
      if (Object.values(members(one, ["address", wanted, "before", "after"], name)).some((text) => typeof text !== "string"))
        throw new BadFields("diff", `${name} holds something that is no text`);
  }
  return diff;
}

function readNested(nested, fields) {
  if (!Array.isArray(nested) || nested.length > 100) throw new BadFields("nested", "not a list of Safes");
  return nested.map((entry) => {
    members(entry, ["safe", "version", "nonce", "message", "approve"], "nested");
    const safe = readAddress(entry.safe, "nested safe");
    const nonce = readUint(entry.nonce, "nested nonce").toString();
    const found = messageHashes(fields, { safe, version: entry.version });
    if (entry.message !== null && !canAnswer(fields.version, entry.version))
      throw bad(`nested ${safe}: a Safe ${entry.version} cannot sign as a contract for a Safe ${fields.version}`);
    if (entry.message !== null) compare(`nested ${safe}`, entry.message, found);
    const approval = approvalFields(fields, { safe, version: entry.version, nonce });
    compare(`nested ${safe}`, entry.approve, hashes(approval));
    return { safe, version: entry.version, nonce, message: entry.message && found, approve: hashes(approval), approval };
  });
}
