// Passkeys: the browser's half of the WebAuthn ceremonies, for allauth's pages.
//
// allauth describes each ceremony in a data block, <script type="application/json" data-allauth-onload="…">. Nothing
// inline is executed: this module reads the blocks, runs the ceremony on a click, and posts what it gave as JSON.

/** @param {string} text base64url */
function toBytes(text) {
  const base64 = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/** @param {ArrayBuffer | null | undefined} buffer */
function toText(buffer) {
  if (!buffer) return null;
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** @param {{id: string}[] | undefined} list */
const descriptors = (list) => list?.map((one) => ({ ...one, id: toBytes(one.id) }));

/**
 * @param {any} options as allauth serialises them
 * @param {boolean | null} passwordless whether the key is to be usable by itself; null leaves what the server says
 */
async function create(options, passwordless) {
  const publicKey = structuredClone(options.publicKey);
  publicKey.challenge = toBytes(publicKey.challenge);
  publicKey.user.id = toBytes(publicKey.user.id);
  publicKey.excludeCredentials = descriptors(publicKey.excludeCredentials);
  if (passwordless !== null) {
    const wish = (publicKey.authenticatorSelection ??= {});
    wish.residentKey = passwordless ? "required" : "discouraged";
    wish.requireResidentKey = passwordless;
    if (passwordless) wish.userVerification = "required";
  }
  const credential = /** @type {any} */ (await navigator.credentials.create({ publicKey }));
  return {
    ...common(credential),
    response: {
      clientDataJSON: toText(credential.response.clientDataJSON),
      attestationObject: toText(credential.response.attestationObject),
      transports: credential.response.getTransports?.() ?? [],
    },
  };
}

/** @param {any} options */
async function get(options) {
  const publicKey = structuredClone(options.publicKey);
  publicKey.challenge = toBytes(publicKey.challenge);
  publicKey.allowCredentials = descriptors(publicKey.allowCredentials);
  const credential = /** @type {any} */ (await navigator.credentials.get({ publicKey }));
  return {
    ...common(credential),
    response: {
      clientDataJSON: toText(credential.response.clientDataJSON),
      authenticatorData: toText(credential.response.authenticatorData),
      signature: toText(credential.response.signature),
      userHandle: toText(credential.response.userHandle),
    },
  };
}

/** @param {any} credential */
function common(credential) {
  return {
    type: credential.type,
    id: credential.id,
    rawId: toText(credential.rawId),
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

/** @param {unknown} error */
function words(error) {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError") return "It was cancelled, or took too long. Nothing was changed; try again.";
  if (name === "InvalidStateError") return "This device holds a passkey for this account already.";
  if (name === "SecurityError") return "Passkeys need this site's own name and https (or http://localhost).";
  if (error instanceof TypeError) return "This browser cannot use passkeys here.";
  return "The passkey could not be used. Nothing was changed; try again.";
}

/**
 * Run a ceremony on a click, with the button busy meanwhile; then fill the hidden field and send its form.
 * @param {string} buttonId
 * @param {string} fieldId
 * @param {() => Promise<unknown>} ceremony
 */
function onClick(buttonId, fieldId, ceremony) {
  const button = document.getElementById(buttonId);
  const field = /** @type {HTMLInputElement | null} */ (document.getElementById(fieldId));
  if (!button || !field?.form) return;
  const form = field.form;
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    try {
      field.value = JSON.stringify(await ceremony());
      form.submit();
    } catch (error) {
      button.removeAttribute("aria-busy");
      document.dispatchEvent(new CustomEvent("toast", { detail: { kind: "error", text: words(error) } }));
    }
  });
}

/** @param {string} id */
const data = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "{}");

/** @type {Record<string, (ids: Record<string, string>) => void>} */
const FORMS = {
  "allauth.webauthn.forms.addForm": (ids) =>
    onClick(ids.add, ids.credential, () => {
      const wish = /** @type {HTMLInputElement | null} */ (document.getElementById(ids.passwordless));
      return create(data(ids.data).creation_options, wish ? wish.checked : false);
    }),
  "allauth.webauthn.forms.signupForm": (ids) =>
    onClick(ids.signup, ids.credential, () => create(data(ids.data).creation_options, null)),
  "allauth.webauthn.forms.authenticateForm": (ids) =>
    onClick(ids.authenticate, ids.credential, () => get(data(ids.data).request_options)),
  "allauth.webauthn.forms.loginForm": (ids) =>
    onClick(ids.login, ids.credential, async () => {
      const form = /** @type {HTMLInputElement} */ (document.getElementById(ids.credential)).form;
      const answer = await fetch(form?.action ?? "", { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error("no options");
      return get((await answer.json()).request_options);
    }),
};

for (const block of document.querySelectorAll("script[data-allauth-onload]")) {
  const wire = FORMS[block.getAttribute("data-allauth-onload") ?? ""];
  if (wire) wire(JSON.parse(block.textContent ?? "{}").ids);
}
