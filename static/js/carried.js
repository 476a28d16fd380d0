// The calls inside a call, from its bytes alone: timelocks, multicalls, other Safes, upgrades, batches; one layer at a
// time. What cannot be read in exactly one way is an error: nobody may sign what nobody has opened.
import { valuesOf } from "./calldata.js";
import { CARRIERS, KNOWN } from "./known-calls.js";
import { BATCH, BadFields, batch, selectorOf } from "./safe-hash.js";

export const DEEPEST = 6;
export const MOST_CARRIED = 400;
const SELECTORS = Object.fromEntries(Object.keys(KNOWN).map((signature) => [selectorOf(signature), signature]));
const PINNED = Object.values(BATCH).flat();

const bad = (message) => new BadFields("data", message);
export const selectorIn = (data) => data.slice(0, 10).toLowerCase();
/** The signature of a function that is known wherever it stands. */
export const known = (data) => (data.length >= 10 ? SELECTORS[selectorIn(data)] : undefined);

/** The calls right inside this one, each with whether it is a delegatecall. */
export function carried({ to, data }) {
  const signature = known(data);
  if (signature === "multiSend(bytes)") {
    if (!PINNED.includes(to)) throw bad(`a batch passed to ${to}, which is not a pinned MultiSendCallOnly`);
    return batch(data.toLowerCase()).map((call) => ({ ...call, delegated: false }));
  }
  if (!signature || !Object.hasOwn(CARRIERS, signature)) return [];
  const { values } = valuesOf(signature, data.toLowerCase());
  const [kind, ...places] = CARRIERS[signature];
  const given = places.map((place) => values[place]);
  const call = (target, value, bytes, operation = "0") => ({ to: target, value, data: bytes, delegated: operation === "1" });
  if (kind === "one") return [call(...given)];
  if (kind === "named") {
    const [target, value, name, bytes] = given; // a signature as text, and only its arguments; without one, whole calldata
    return [call(target, value, name ? selectorOf(name) + bytes.slice(2) : bytes)];
  }
  if (kind === "many") {
    if (given.some((list) => list.length !== given[0].length)) throw bad(`${signature}: lists of different lengths`);
    return given[0].map((_, index) => call(...given.map((list) => list[index])));
  }
  if (kind === "rows") return given[0].map((row) => call(row[0], row.length === 4 ? row[2] : "0", row.at(-1)));
  if (kind === "each") return given[0].map((one) => call(to, "0", one));
  const last = given.at(-1); // "itself", "of": nothing is called where there are no data; "back" is called anyway
  return last === "0x" && kind !== "back" ? [] : [call(kind === "itself" ? to : given[0], "0", last)];
}
