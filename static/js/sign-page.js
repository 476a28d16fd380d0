// What the pages on which something is signed have in common: the check of everything shown, its ticks, QR codes of what
// was computed here, and the box that says what does not match.
import { qrCode } from "./qr.js";
import { hashes } from "./safe-hash.js";
import { checkHashes, whatIsWrong } from "./sign-check.js";

const MOST_SIGNS = 2_300; // what a QR code still holds, and a phone still reads

export function tick(line, ok) {
  if (!line) return;
  line.dataset.state = ok ? "match" : "mismatch";
  line.textContent = ok ? "✓ recomputed here, the same" : "✗ recomputed here, not the same";
}

/** Compare everything shown with what follows from the raw fields: `fields` is null unless all of it agrees. */
export function checkHere() {
  const ticks = (ok) => document.querySelectorAll("[data-check]").forEach((line) => line.dataset.check && tick(line, ok(line.dataset.check)));
  try {
    const given = JSON.parse(document.getElementById("proposal-fields")?.textContent ?? "null");
    const compared = checkHashes(document, given.fields);
    ticks((name) => compared.find((one) => one.name === name)?.ok ?? false);
    draw(given.fields);
    const wrong = whatIsWrong(document, given.fields);
    return { given, wrong, fields: wrong.length ? null : Object.freeze(given.fields) };
  } catch (error) {
    ticks(() => false);
    const why = error instanceof Error ? error.message : "unknown";
    return { given: null, wrong: [`The fields cannot be read in exactly one way (${why}).`], fields: null };
  }
}

/** QR codes of what was computed here: a picture from the server could hold something else. */
function draw(fields) {
  const { domain, message, safeTx } = hashes(fields);
  const texts = { hashes: `Domain ${domain}\nMessage ${message}\nSafe tx ${safeTx}`, fields: JSON.stringify(fields) };
  for (const place of document.querySelectorAll("[data-qr]")) {
    const text = texts[place.dataset.qr];
    const label = place.dataset.qr === "hashes" ? "The three hashes as a QR code" : "The raw fields as a QR code";
    place.replaceChildren(text.length > MOST_SIGNS ? "Too long for a QR code: take the bundle." : qrCode(text, label));
  }
}

export function tellMismatch(reasons) {
  const box = document.getElementById("mismatch");
  const list = box?.querySelector("ul");
  if (!box || !list) return;
  list.replaceChildren(...reasons.map((reason) => Object.assign(document.createElement("li"), { textContent: reason })));
  box.hidden = false;
}
