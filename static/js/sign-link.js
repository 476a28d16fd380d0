// The page for a signer without an account: everything shown is recomputed here, as on the proposal's own page, and a
// signature that came in a scanned address is filled in. Until all of it agrees nothing can be handed in.
import { messageHashes } from "./safe-message.js";
import { checkHere, tellMismatch, tick } from "./sign-page.js";

const shown = (element) => (element?.textContent ?? "").replace(/\s+/g, "");
const { fields, given, wrong } = checkHere();
const reasons = [...wrong];

for (const place of document.querySelectorAll("[data-owning]")) {
  const { owning, version } = place.dataset;
  let found = {};
  try {
    found = messageHashes(given?.fields, { safe: owning, version });
  } catch {
    // every line below says so
  }
  for (const name of ["domain", "message", "safeMessage"]) {
    const line = place.querySelector(`[data-within="${name}"]`);
    const ok = shown(line?.querySelector("code")) === found[name];
    tick(line?.querySelector("[data-check]"), ok);
    if (!ok) reasons.push(`The ${name} hash for owners of ${owning} is not what the fields give.`);
  }
}

const good = fields !== null && !reasons.length;
const form = document.getElementById("hand-in");
if (good) {
  document.getElementById("unchecked")?.remove();
  const button = form?.querySelector("[data-hand-in]");
  if (button) button.disabled = form.hasAttribute("data-blocked");
} else {
  tellMismatch(reasons);
  form?.remove();
}

// A code holds this address with #sig=0x…: the fragment stays in the browser until the person hands it in.
const scanned = /^#sig=(0x[0-9a-fA-F]+)$/.exec(location.hash);
const box = document.querySelector('textarea[name="signature"]');
if (scanned && box) {
  box.value = scanned[1];
  box.focus();
}
