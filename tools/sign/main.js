// The page: a bundle or typed fields in; what it does, every hash and a wallet's signature out. Nothing is sent anywhere.
import { fromFields, readBundle, strictJson } from "../../static/js/bundle.js";
import { hashes, RAW_FIELDS, typedData } from "../../static/js/safe-hash.js";
import { messageTypedData } from "../../static/js/safe-message.js";
import { undecided } from "../../static/js/words.js";
import { findWallets, needChain } from "../../static/js/sign-wallets.js";
import { copyButton, facts, find, hashBlock, make, qrDetails } from "./draw.js";
import { signerOf } from "./recover.js";

const UNTOUCHED = { safeTxGas: "0", baseGas: "0", gasPrice: "0", gasToken: "0x" + "0".repeat(40), refundReceiver: "0x" + "0".repeat(40), operation: "0", value: "0", data: "0x" };
let read = null; // what was read and found good; null blocks everything below

function start() {
  for (const name of RAW_FIELDS) {
    const input = make("input", { id: `field-${name}`, name, autocomplete: "off", spellcheck: "false" });
    input.value = UNTOUCHED[name] ?? "";
    find("typed").append(make("div", { className: "field" }, make("label", { for: `field-${name}`, text: name }), input));
  }
  find("check").addEventListener("click", () => check(() => readText(find("bundle").value)));
  find("check-typed").addEventListener("click", () => check(() => fromFields(typed())));
  find("file").addEventListener("change", async (event) => {
    find("bundle").value = (await event.target.files[0]?.text()) ?? "";
    if (find("bundle").value) check(() => readText(find("bundle").value));
  });
  for (const name of ["bundle", "typed"]) find(name).addEventListener("input", forget);
  find("expected").addEventListener("input", () => compare());
  find("role").addEventListener("change", () => showRole());
  find("sign").addEventListener("click", () => void choose());
}

const typed = () => Object.fromEntries(RAW_FIELDS.map((name) => [name, find(`field-${name}`).value.trim()]));

/** A bundle, or the raw fields alone as the proposal's QR code holds them. */
function readText(text) {
  const found = strictJson(text);
  return found !== null && typeof found === "object" && Object.hasOwn(found, "safe") ? fromFields(found) : readBundle(text);
}

/** What is shown is of the text above; once that changes it is gone. */
function forget() {
  read = null;
  find("found").hidden = true;
  find("verdict").hidden = true;
}

function check(reader) {
  forget();
  try {
    read = reader();
    show();
  } catch (error) {
    read = null;
    refuse(error instanceof Error ? error.message : "it cannot be read");
  }
}

function refuse(reason) {
  find("found").hidden = true;
  find("verdict").hidden = false;
  find("verdict").replaceChildren(
    make("strong", { text: "Do not sign." }),
    make("p", { text: reason }),
    make("p", { text: "Call the other owners by phone, not through the server that gave you this." }),
  );
  find("verdict").scrollIntoView({ block: "nearest" });
}

function show() {
  const { fields, sentences, findings } = read;
  find("where").textContent = `Safe ${fields.safe} (${fields.version}) on chain ${fields.chainId}, nonce ${fields.nonce}`;
  find("calls").replaceChildren(...sentences.map((text) => make("li", { text })));
  find("findings").replaceChildren(...findings.map((text) => make("li", { text })));
  find("undecided").replaceChildren(...undecided().map((text) => make("li", { text })));
  find("findings-box").hidden = !findings.length;
  find("raw").replaceChildren(facts(RAW_FIELDS.map((name) => [name, fields[name]])));
  showDiff();
  find("role").replaceChildren(...roles().map(({ label }, index) => make("option", { value: String(index), text: label })));
  find("role-box").hidden = !read.nested.length;
  find("found").hidden = false;
  showRole();
}

function showDiff() {
  const { diff, plan } = read;
  find("diff").hidden = !diff && !plan;
  const line = (one, what) => make("li", { text: `${one.address} ${what}: ${one.before || "0"} → ${one.after || "0"}` });
  find("diff-lines").replaceChildren(
    ...(plan ? [make("li", { text: `It is a step of the plan ${plan}` })] : []),
    ...(diff?.meanings ?? []).map((one) => line(one, one.what)),
    ...(diff?.changes ?? []).map((one) => line(one, one.field)),
  );
  find("diff-block").textContent = diff ? `, on block ${diff.block}` : "";
}

/** As whom one signs: an owner of this Safe, or of a Safe that owns it, in one of its two ways. */
function roles() {
  const { fields } = read;
  const found = [{ label: "an owner of this Safe", hashes: hashes(fields), typed: typedData(fields) }];
  for (const { safe, version, message, approve, approval } of read.nested) {
    if (message) found.push({ label: `an owner of the Safe ${safe}, which signs as a contract`, hashes: message, typed: messageTypedData(fields, { safe, version }) });
    found.push({ label: `an owner of the Safe ${safe}, which approves the hash on chain`, hashes: approve, typed: typedData(approval) });
  }
  return found;
}

const role = () => roles()[Number(find("role").value) || 0];
const LABELS = { domain: "Domain hash", message: "Message hash", safeTx: "Safe tx hash", safeMessage: "Safe message hash" };
const wholeOf = (found) => found.safeTx ?? found.safeMessage;

function showRole() {
  const { hashes: found, typed: document_ } = role();
  find("hashes").replaceChildren(...Object.entries(found).map(([name, value]) => hashBlock(LABELS[name], value, name)));
  const text = Object.entries(found).map(([name, value]) => `${LABELS[name]} ${value}`).join("\n");
  find("hashes").append(
    qrDetails("QR code of the hashes", text, "The hashes as a QR code"),
    qrDetails("QR code of the raw fields", JSON.stringify(read.fields), "The raw fields as a QR code"),
  );
  find("device").replaceChildren(
    facts([
      ...Object.entries(document_.domain),
      ["primary type", document_.primaryType],
      ...Object.entries(document_.message),
    ]),
  );
  find("signature").hidden = true;
  compare();
}

/** The one thing that this page cannot know: what somebody else, or the server's page, showed. */
function compare() {
  const given = find("expected").value.trim().toLowerCase();
  const found = Object.entries(role().hashes).find(([, value]) => value === given);
  const said = find("compared");
  said.dataset.tone = given ? (found ? "good" : "bad") : "";
  said.textContent = !given
    ? "Nothing to compare with yet. Have a colleague read it out, or look at the page on another device."
    : found
      ? `✓ the ${LABELS[found[0]].toLowerCase()} is the same`
      : "✗ Do not sign: this is none of the hashes of this transaction.";
  find("sign").disabled = Boolean(given) && !found;
}

async function choose() {
  const wallets = await findWallets();
  const said = find("said");
  if (!wallets.length) {
    said.textContent = location.protocol === "file:"
      ? "No wallet was found. Most wallets stay away from files: run “python3 -m http.server” beside this file and open http://localhost:8000/sign.html."
      : "No wallet was found in this browser.";
    return;
  }
  find("wallets").replaceChildren(
    ...wallets.map(({ name, provider }) => {
      const button = make("button", { className: "btn", type: "button", text: `Sign with ${name}` });
      button.addEventListener("click", () => void sign(provider));
      return button;
    }),
  );
  if (wallets.length === 1) await sign(wallets[0].provider);
}

async function sign(provider) {
  const said = find("said");
  find("signature").hidden = true;
  try {
    const { typed: document_, hashes: found } = role();
    const [account] = (await provider.request({ method: "eth_requestAccounts" })).map(String);
    await needChain(provider, read.fields.chainId, "the transaction's chain");
    said.textContent = "Compare what the wallet or the device shows with the hashes above, then confirm there.";
    const signature = String(await provider.request({ method: "eth_signTypedData_v4", params: [account, JSON.stringify(document_)] }));
    const signer = signerOf(signature, wholeOf(found));
    if (signer.toLowerCase() !== account.toLowerCase())
      throw new Error(`The wallet did not sign this: its signature is ${signer}'s over this hash, not ${account}'s.`);
    said.textContent = `Signed by ${signer}. It counts if that is an owner.`;
    showSignature(signature);
  } catch (error) {
    said.textContent = error?.code === 4001 ? "Not signed: it was declined in the wallet." : String(error?.message ?? "The wallet did not sign.");
  }
}

function showSignature(signature) {
  const code = qrDetails("QR code of the signature", signature, "The signature as a QR code");
  find("signature").replaceChildren(
    make("p", { text: "Paste it on the proposal's page, or give it to whoever executes. It is worth something only for this very transaction." }),
    make("textarea", { readonly: "", rows: "4", "aria-label": "The signature", id: "signature-text" }),
    copyButton(signature, "Copy"),
    code,
  );
  find("signature-text").value = signature;
  code.open = true;
  find("signature").hidden = false;
}

if (typeof document !== "undefined") start();
