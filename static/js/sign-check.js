// Does the page show what would be signed? Every shown value is compared with what follows from the raw fields here.
import { argumentsOf, inWholeUnits } from "./calldata.js";
import { BATCH, calls, hashes } from "./safe-hash.js";

const NAMES = { domain: "The domain hash", message: "The message hash", safeTx: "The Safe tx hash" };

const shown = (element) => (element?.textContent ?? "").replace(/\s+/g, "");

// For each hash: what was recomputed, and whether the page shows the same.
export function checkHashes(root, raw) {
  const found = hashes(raw);
  return Object.keys(NAMES).map((name) => {
    const visible = shown(root.querySelector(`[data-hash="${name}"] code`));
    return { name, label: NAMES[name], value: found[name], visible, ok: visible === found[name] };
  });
}

// What else on the page does not follow from the raw fields, as sentences.
export function checkPage(root, raw) {
  const wrong = [];
  for (const [name, value] of Object.entries(raw)) {
    const visible = shown(root.querySelector(`[data-raw="${name}"]`));
    if (visible !== String(value)) wrong.push(`The field ${name} is shown as ${visible || "nothing"}, but it is ${value}.`);
  }
  for (const name of ["chainId", "nonce"])
    for (const place of [...root.querySelectorAll(`[data-shown="${name}"]`)])
      if (shown(place) !== String(raw[name])) wrong.push(`The page says ${name} ${shown(place)} above, but it is ${raw[name]}.`);
  if (raw.operation !== 0 && !BATCH[raw.version]?.includes(raw.to))
    return [...wrong, `It is a delegatecall to ${raw.to}, which is not the pinned batch contract of Safe ${raw.version}.`];
  const real = calls(raw);
  const listed = [...root.querySelectorAll("[data-call]")];
  if (real.length !== listed.length) wrong.push(`The page lists ${listed.length} calls, but there are ${real.length}.`);
  real.slice(0, listed.length).forEach((call, index) => wrong.push(...checkCall(listed[index], call, index + 1)));
  return wrong;
}

// The call's own line, its amount and its arguments: each must be what the bytes say, whatever the page calls them.
function checkCall(item, call, number) {
  const wrong = [];
  const { to, value, data, signature } = item.dataset;
  const target = shown(item.querySelector(".call-sentence .address-text"));
  if (to !== call.to || target !== call.to) wrong.push(`Call ${number} goes to ${call.to}, not to what is shown.`);
  if (value !== call.value) wrong.push(`Call ${number} sends ${call.value} wei, not ${value}.`);
  if (data !== call.data) wrong.push(`The calldata of call ${number} is ${call.data}, not what is shown.`);
  return [...wrong, ...checkAmount(item, call, number), ...checkWords(item, call, number, signature)];
}

function checkAmount(item, call, number) {
  const amounts = [...item.querySelectorAll(".amount")];
  const symbol = shown(item.querySelector(".amount-symbol"));
  const wanted = call.value === "0" ? [] : [inWholeUnits(call.value) + symbol];
  if (/[0-9.,]/.test(symbol) || JSON.stringify(amounts.map(shown)) !== JSON.stringify(wanted))
    return [`Call ${number} sends ${call.value} wei, which is not the amount that is shown.`];
  return [];
}

function checkWords(item, call, number, signature) {
  const said = shown(item.querySelector(".call-sentence [data-call-name]"));
  const listed = [...item.querySelectorAll("[data-argument]")];
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
  if (said !== `${signature.split("(")[0]}()`) wrong.push(`Call ${number} is ${signature}, but the page shows another name.`);
  if (listed.length !== real.length) wrong.push(`Call ${number} has ${real.length} arguments, but the page lists ${listed.length}.`);
  real.slice(0, listed.length).forEach(({ type, text }, index) => {
    const { argument } = listed[index].dataset;
    if (argument !== type || shown(listed[index]) !== text.replace(/\s+/g, ""))
      wrong.push(`Argument ${index + 1} of call ${number} is ${text} (${type}), not what is shown.`);
  });
  return wrong;
}
