// The wallets of this browser: found by EIP-6963 (window.ethereum where nothing announces itself), chosen by the person.
//
//   import { connect, request, words } from "./wallets.js";
//   const { wallet, address, chainId } = await connect();      // asks which wallet when there are several
//   await request(wallet, "personal_sign", [text, address]);
//   catch (error) → words(error) is a sentence for the person; a closed dialog throws a Cancelled.

/** @typedef {{ name: string, icon: string, rdns: string, provider: any }} Wallet */

export class Cancelled extends Error {}
export class NoWallet extends Error {}

/** @type {Map<string, Wallet>} */
const announced = new Map();

window.addEventListener("eip6963:announceProvider", (event) => {
  const { info, provider } = /** @type {CustomEvent} */ (event).detail ?? {};
  if (!info?.uuid || typeof provider?.request !== "function") return;
  // The picture comes from the wallet: shown as a picture only, never as an address to load from.
  const icon = String(info.icon ?? "");
  announced.set(String(info.uuid), {
    name: String(info.name ?? "Wallet").slice(0, 60),
    icon: icon.startsWith("data:image/") ? icon : "",
    rdns: String(info.rdns ?? ""),
    provider,
  });
});

/** @returns {Promise<Wallet[]>} */
export async function discover(wait = 150) {
  window.dispatchEvent(new Event("eip6963:requestProvider"));
  await new Promise((done) => setTimeout(done, wait));
  const found = [...announced.values()];
  const legacy = /** @type {any} */ (window).ethereum;
  if (found.length === 0 && typeof legacy?.request === "function") {
    found.push({ name: "Browser wallet", icon: "", rdns: "", provider: legacy });
  }
  return found.sort((a, b) => a.name.localeCompare(b.name));
}

/** @param {Wallet[]} wallets @returns {Promise<Wallet>} */
function ask(wallets) {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.setAttribute("aria-labelledby", "choose-wallet");
  const head = document.createElement("div");
  head.className = "dialog-head";
  const title = document.createElement("h2");
  title.id = "choose-wallet";
  title.textContent = "Which wallet?";
  head.append(title);
  const list = document.createElement("div");
  list.className = "stack stack-s";
  const cancel = document.createElement("button");
  cancel.type = "button";
  cancel.className = "btn btn-quiet";
  cancel.textContent = "Cancel";
  const actions = document.createElement("div");
  actions.className = "actions";
  actions.append(cancel);
  dialog.append(head, list, actions);
  return new Promise((resolve, reject) => {
    for (const wallet of wallets) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-wide";
      if (wallet.icon) {
        const picture = document.createElement("img");
        picture.src = wallet.icon;
        picture.alt = "";
        picture.width = picture.height = 20;
        button.append(picture);
      }
      button.append(wallet.name);
      button.addEventListener("click", () => {
        resolve(wallet);
        dialog.close();
      });
      list.append(button);
    }
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      reject(new Cancelled("no wallet was chosen"));
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Find a wallet, ask which if there are several, and ask it for an account. */
export async function connect() {
  const wallets = await discover();
  if (wallets.length === 0) throw new NoWallet();
  const wallet = wallets.length === 1 ? wallets[0] : await ask(wallets);
  const accounts = await request(wallet, "eth_requestAccounts");
  const address = Array.isArray(accounts) ? String(accounts[0] ?? "") : "";
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) throw new Error("the wallet gave no account");
  const chainId = Number(await request(wallet, "eth_chainId"));
  return { wallet, address, chainId };
}

/** @param {Wallet} wallet @param {string} method @param {unknown[]} [params] */
export function request(wallet, method, params = []) {
  return wallet.provider.request({ method, params });
}

/** @param {string} text as `personal_sign` wants it */
export function hexOf(text) {
  return "0x" + Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {any} error what to tell the person */
export function words(error) {
  if (error instanceof Cancelled || error?.code === 4001) return "You cancelled it. Nothing was changed.";
  if (error instanceof NoWallet) return "No wallet was found in this browser. Install one, or open this page in its own browser.";
  if (error?.code === -32002) return "The wallet waits for you: open it and answer its question.";
  if (error instanceof Problem) return error.message;
  return "The wallet could not do this. Nothing was changed.";
}

/** What our server refused, in its own words. */
export class Problem extends Error {}

/**
 * Post JSON to our own server; a refusal becomes a Problem.
 * @param {string} url @param {unknown} body @param {string} csrf
 */
export async function post(url, body, csrf) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf, Accept: "application/json" },
    body: JSON.stringify(body),
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const hint = told.errors?.[0]?.hint;
    throw new Problem(`${told.detail ?? "The server did not take it."}${hint ? `: ${hint}` : ""}`);
  }
  return told;
}
