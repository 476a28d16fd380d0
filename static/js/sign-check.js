// Does the page show what would be signed? Every shown value is compared with what follows from the raw fields here.
import { argumentsOf, inWholeUnits } from "./calldata.js";
import { DEEPEST, MOST_CARRIED, carried, known } from "./carried.js";
import { BATCH, calls, hashes } from "./safe-hash.js";

const NAMES = { domain: "The domain hash", message: "The message hash", safeTx: "The Safe tx hash" };

const shown = (element) => (element?.textContent ?? "").replace(/\s+/g, "");
/** The text of what stands on the page exactly once; a second one could be the one that is seen. */
const only = (found) => (found.length === 1 ? shown(found[0]) : "");

// For each hash: what was recomputed, and whether the page shows the same.
export function checkHashes(root, raw) {
  const found = hashes(raw);
  return Object.keys(NAMES).map((name) => {
    const visible = only(root.querySelectorAll(`[data-hash="${name}"] code`));
    return { name, label: NAMES[name], value: found[name], visible, ok: visible === found[name] };
  });
}

/** Everything on the page that does not follow from the raw fields, as sentences; of hashes, words and values. */
export function whatIsWrong(root, raw) {
  const wrong = checkHashes(root, raw).filter((one) => !one.ok);
  return [
    ...wrong.map((one) => `${one.label} is shown as ${one.visible || "nothing"}, but the fields give ${one.value}.`),
    ...checkPage(root, raw),
  ];
}

// What else on the page does not follow from the raw fields, as sentences.
export function checkPage(root, raw) {
  const wrong = [];
  for (const [name, value] of Object.entries(raw)) {
    const visible = only(root.querySelectorAll(`[data-raw="${name}"]`));
    if (visible !== String(value)) wrong.push(`The field ${name} is shown as ${visible || "nothing"}, but it is ${value}.`);
  }
  for (const name of ["chainId", "nonce"]) {
    const places = [...root.querySelectorAll(`[data-shown="${name}"]`)];
    if (!places.length) wrong.push(`The page does not say ${name} above.`);
    for (const place of places)
      if (shown(place) !== String(raw[name])) wrong.push(`The page says ${name} ${shown(place)} above, but it is ${raw[name]}.`);
  }
  if (raw.operation !== 0 && !BATCH[raw.version]?.includes(raw.to))
    return [...wrong, `It is a delegatecall to ${raw.to}, which is not the pinned batch contract of Safe ${raw.version}.`];
  const real = calls(raw).map((call) => ({ ...call, delegated: false }));
  const lists = [...root.querySelectorAll("[data-calls]")].filter((list) => !list.closest("[data-call]"));
  const seen = { calls: 0 };
  wrong.push(...checkList(lists, real, "", 0, seen));
  for (const part of ["[data-call]", ".call-sentence"])
    if (root.querySelectorAll(part).length !== seen.calls && !wrong.length) wrong.push("The page shows calls beside those that are made.");
  return wrong;
}

/** One list of calls, of the transaction or inside the call `within`; each is opened from its own bytes. */
function checkList(lists, real, within, depth, seen) {
  const items = lists.length === 1 ? [...lists[0].children] : [];
  const inside = within ? ` in call ${within}` : "";
  if (items.length !== real.length || lists.length > 1 || items.some((item) => item.dataset.call === undefined))
    return [`The page lists ${items.length} calls${inside}, but there are ${real.length}.`];
  return real.flatMap((call, index) => {
    seen.calls += 1;
    const number = `${within && within + "."}${index + 1}`;
    return [...checkCall(items[index], call, number), ...checkInside(items[index], call, number, depth, seen)];
  });
}

/** What belongs to this call, and not to one that it carries. */
const own = (item, selector) => [...item.querySelectorAll(selector)].filter((one) => one.parentElement.closest("[data-call]") === item);

function checkInside(item, call, number, depth, seen) {
  let inner;
  try {
    inner = carried(call);
  } catch (error) {
    return [`What call ${number} carries cannot be read: ${error instanceof Error ? error.message : "unknown"}.`];
  }
  if (inner.length && (depth >= DEEPEST || seen.calls + inner.length > MOST_CARRIED))
    return [`What call ${number} carries lies deeper than anybody reads.`];
  return checkList(own(item, "[data-calls]"), inner, number, depth + 1, seen);
}

// The call's own line, its amount and its arguments: each must be what the bytes say, whatever the page calls them.
function checkCall(item, call, number) {
  const wrong = [];
  const { to, value, data, signature } = item.dataset;
  const target = only(own(item, ".call-sentence .address-text"));
  if (to !== call.to || target !== call.to) wrong.push(`Call ${number} goes to ${call.to}, not to what is shown.`);
  if (value !== call.value) wrong.push(`Call ${number} sends ${call.value} wei, not ${value}.`);
  if (data !== call.data) wrong.push(`The calldata of call ${number} is ${call.data}, not what is shown.`);
  const operation = call.delegated ? "delegatecall" : "call";
  if (only(own(item, "[data-operation]")) !== operation) wrong.push(`Call ${number} is a ${operation}, which is not what is shown.`);
  if (!SENTENCES[kindOf(call, signature)].includes(between(own(item, ".call-sentence")[0])))
    wrong.push(`The sentence of call ${number} says more than what it does.`);
  return [...wrong, ...checkAmount(item, call, number), ...checkWords(item, call, number, signature)];
}

// What may stand in a sentence between the name, the amount and the target, which are each compared.
const SENTENCES = {
  named: ["on"],
  raw: ["notinwords:nopinnedABIon"],
  sends: ["sendto"],
  empty: ["anemptycallto", "anemptycall,whichonlyusesupthenonceto"],
};
const kindOf = (call, signature) => (call.data !== "0x" ? (signature ? "named" : "raw") : call.value !== "0" ? "sends" : "empty");

function between(sentence) {
  const copy = sentence?.cloneNode(true);
  copy?.querySelectorAll("[data-call-name], .address, .amount, [data-how]").forEach((part) => part.remove());
  return shown(copy);
}

function checkAmount(item, call, number) {
  const amounts = own(item, ".amount");
  const symbol = own(item, ".amount-symbol").map(shown).join("");
  const wanted = call.value === "0" ? [] : [inWholeUnits(call.value) + symbol];
  if (/[0-9.,]/.test(symbol) || JSON.stringify(amounts.map(shown)) !== JSON.stringify(wanted))
    return [`Call ${number} sends ${call.value} wei, which is not the amount that is shown.`];
  return [];
}

function checkWords(item, call, number, signature) {
  const said = own(item, ".call-sentence [data-call-name]").map(shown).join(" ");
  const listed = own(item, "[data-argument]");
  if (!signature) {
    const wanted = call.data === "0x" ? "" : call.data.slice(0, 10);
    return said === wanted && !listed.length ? [] : [`Call ${number} is ${wanted || "an empty call"}, but the page puts it into other words.`];
  }
  let real;
  try {
    real = argumentsOf(signature, call.data);
  } catch (error) {
    return [`Call ${number} is not ${signature}: ${error instanceof Error ? error.message : "it cannot be read"}.`];
  }
  const wrong = [];
  // Four bytes are soon collided with: what is known here has no other name.
  if (said !== `${signature.split("(")[0]}()` || signature !== (known(call.data) ?? signature))
    wrong.push(`Call ${number} is ${known(call.data) ?? signature}, but the page shows another name.`);
  if (listed.length !== real.length) wrong.push(`Call ${number} has ${real.length} arguments, but the page lists ${listed.length}.`);
  real.slice(0, listed.length).forEach(({ type, text }, index) => {
    const { argument } = listed[index].dataset;
    if (argument !== type || shown(listed[index]) !== text.replace(/\s+/g, ""))
      wrong.push(`Argument ${index + 1} of call ${number} is ${text} (${type}), not what is shown.`);
  });
  return wrong;
}
