// Does the page show what would be signed? Every shown value is compared with what follows from the raw fields here.
import { calls, hashes, selectorOf } from "./safe-hash.js";

// The one use of a delegatecall: the batch contract of each Safe version, at its canonical addresses.
const BATCH = {
  "1.3.0": ["0x40A2aCCbd92BCA938b02010E17A5b8929b49130D", "0xA1dabEF33b3B82c7814B6D82A79e50F4AC44102B"],
  "1.4.1": ["0x9641d764fc13c8B624c04430C7356C1C7C8102e2"],
  "1.5.0": ["0xA83c336B20401Af773B6219BA5027174338D1836"],
};
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
  if (raw.operation !== 0 && !BATCH[raw.version]?.includes(raw.to))
    return [...wrong, `It is a delegatecall to ${raw.to}, which is not the pinned batch contract of Safe ${raw.version}.`];
  const real = calls(raw);
  const listed = [...root.querySelectorAll("[data-call]")];
  if (real.length !== listed.length) wrong.push(`The page lists ${listed.length} calls, but there are ${real.length}.`);
  real.slice(0, listed.length).forEach((call, index) => wrong.push(...checkCall(listed[index], call, index + 1)));
  return wrong;
}

function checkCall(item, call, number) {
  const wrong = [];
  const { to, value, data, signature } = item.dataset;
  if (to !== call.to || !shown(item).includes(call.to)) wrong.push(`Call ${number} goes to ${call.to}, not to what is shown.`);
  if (value !== call.value) wrong.push(`Call ${number} sends ${call.value} wei, not ${value}.`);
  if (data !== call.data) wrong.push(`The calldata of call ${number} is ${call.data}, not what is shown.`);
  if (signature && selectorOf(signature) !== call.data.slice(0, 10))
    wrong.push(`Call ${number} is not ${signature}: its selector is ${call.data.slice(0, 10)}.`);
  if (signature && !shown(item).includes(`${signature.split("(")[0]}()`))
    wrong.push(`Call ${number} is ${signature}, but the page shows another name.`);
  return wrong;
}
