// The page for a signer without an account: hashes recomputed here, and a signature that came in a scanned address.
import { hashes } from "./safe-hash.js";
import { messageHashes } from "./safe-message.js";

const shown = (element) => (element?.textContent ?? "").replace(/\s+/g, "");
let good = true;

/** Each shown hash below `root` beside the one that follows from the raw fields; what cannot be recomputed is wrong. */
function compare(root, name, compute) {
  let found = {};
  try {
    found = compute(JSON.parse(document.getElementById("proposal-fields")?.textContent ?? "null"));
  } catch {
    // every line below says so
  }
  for (const place of root.querySelectorAll(`[data-${name}]`)) {
    const ok = shown(place.querySelector("code")) === found[place.dataset[name]];
    const line = place.querySelector("[data-check]");
    line.dataset.state = ok ? "match" : "mismatch";
    line.textContent = ok ? "✓ recomputed here, the same" : "✗ recomputed here, not the same";
    good &&= ok;
  }
}

compare(document, "hash", hashes);
for (const place of document.querySelectorAll("[data-owning]")) {
  const { owning, version } = place.dataset;
  compare(place, "within", (raw) => messageHashes(raw, { safe: owning, version }));
}
document.getElementById("mismatch").hidden = good;
document.getElementById("hand-in").hidden = !good;

// A code holds this address with #sig=0x…: the fragment stays in the browser until the person hands it in.
const scanned = /^#sig=(0x[0-9a-fA-F]+)$/.exec(location.hash);
const box = document.querySelector('textarea[name="signature"]');
if (scanned && box) {
  box.value = scanned[1];
  box.focus();
}
