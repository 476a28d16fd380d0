// What a call does, as a sentence, from its bytes and an ABI that is believed in nothing but the names of arguments; and
// what to look at closely. tools/verify_safe_tx.py says the same, word for word: a test compares the two.
import { valuesOf } from "./calldata.js";
import { BadFields, readFields, selectorOf } from "./safe-hash.js";

// Functions that give power or funds away. Their names are known here: no ABI of a bundle can call them otherwise.
export const KNOWN = {
  "addOwnerWithThreshold(address,uint256)": "adds an owner",
  "removeOwner(address,address,uint256)": "removes an owner",
  "swapOwner(address,address,address)": "replaces an owner",
  "changeThreshold(uint256)": "changes how many signatures are needed",
  "enableModule(address)": "lets a module act without signatures",
  "disableModule(address,address)": "removes a module",
  "setGuard(address)": "changes the guard",
  "setModuleGuard(address)": "changes the guard of modules",
  "setFallbackHandler(address)": "changes the fallback handler",
  "changeMasterCopy(address)": "changes the code of a Safe",
  "approveHash(bytes32)": "approves another Safe's transaction, of which only the hash is seen",
  "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)": "executes another Safe's transaction",
  "execTransactionFromModule(address,uint256,bytes,uint8)": "acts as a module of another Safe",
  "upgradeTo(address)": "changes the code of a contract",
  "upgradeToAndCall(address,bytes)": "changes the code of a contract and runs it",
  "upgrade(address,address)": "changes the code of a contract",
  "upgradeAndCall(address,address,bytes)": "changes the code of a contract and runs it",
  "changeAdmin(address)": "gives the power to upgrade away",
  "changeProxyAdmin(address,address)": "gives the power to upgrade away",
  "transferOwnership(address)": "gives ownership away",
  "renounceOwnership()": "gives ownership up",
  "setOwner(address)": "gives ownership away",
  "grantRole(bytes32,address)": "grants a role",
  "revokeRole(bytes32,address)": "takes a role away",
  "renounceRole(bytes32,address)": "gives a role up",
  "approve(address,uint256)": "lets another spend",
  "increaseAllowance(address,uint256)": "lets another spend more",
  "setApprovalForAll(address,bool)": "lets another move every token",
  "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)": "lets another spend",
  "transfer(address,uint256)": "moves tokens",
  "transferFrom(address,address,uint256)": "moves tokens",
  "safeTransferFrom(address,address,uint256)": "moves a token",
  "updateDelay(uint256)": "changes a timelock's delay",
  "setDelay(uint256)": "changes a timelock's delay",
};
const SELECTORS = Object.fromEntries(Object.keys(KNOWN).map((signature) => [selectorOf(signature), signature]));
const UNLIMITED = 2n ** 255n;
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

/** What to look at closely, as sentences. The server's own page has more of them: it knows the chain. */
export function findings(raw, calls, abis) {
  const fields = readFields(raw);
  const found = [];
  for (const name of ["safeTxGas", "baseGas", "gasPrice"])
    if (fields[name]) found.push(`${name} is ${fields[name]}: executing it can pay a refund to ${fields.refundReceiver}`);
  calls.forEach((call, index) => {
    const one = `call ${index + 1}`;
    const signature = known(call.data);
    if (signature) {
      found.push(`${one} ${KNOWN[signature]}: ${signature}`);
      const amount = BigInt("0x" + (call.data.slice(74, 138) || "0"));
      if (/^(approve\(|increase)/.test(signature) && amount >= UNLIMITED) found.push(`${one} lets another spend without limit`);
    } else if (call.data !== "0x" && functionOf(call, abis) === null) {
      found.push(`${one} is ${selectorIn(call.data)} on ${call.to}, of which the bundle has no ABI: nobody can say what`);
    }
    if (call.to === fields.safe && (call.data !== "0x" || call.value !== "0"))
      found.push(`${one} is to the Safe itself: it can change who controls it`);
    if (call.value !== "0") found.push(`${one} sends ${call.value} wei to ${call.to}`);
  });
  return found;
}
