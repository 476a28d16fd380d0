// The page for a signer without an account: hashes recomputed here, and a signature that came in a scanned address.
import { hashes } from "./safe-hash.js";

const shown = (element) => (element?.textContent ?? "").replace(/\s+/g, "");
let found = {};
try {
  found = hashes(JSON.parse(document.getElementById("proposal-fields")?.textContent ?? "null"));
} catch {
  // nothing can be recomputed: every line below says so
}
let good = true;
for (const place of document.querySelectorAll("[data-hash]")) {
  const ok = shown(place.querySelector("code")) === found[place.dataset.hash];
  const line = place.querySelector("[data-check]");
  line.dataset.state = ok ? "match" : "mismatch";
  line.textContent = ok ? "✓ recomputed here, the same" : "✗ recomputed here, not the same";
  good &&= ok;
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
