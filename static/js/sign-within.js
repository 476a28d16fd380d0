// <bg-sign-within>: an owner that is a Safe. Its owners sign its message; the hashes are recomputed here as well.
import { messageHashes, messageTypedData } from "./safe-message.js";
import { tick } from "./sign-page.js";
import { whatIsWrong } from "./sign-check.js";
import { findWallets, needChain, pickAccount } from "./sign-wallets.js";

const read = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");
const shown = (element) => (element?.textContent ?? "").replace(/\s+/g, "");

class SignWithin extends HTMLElement {
  connectedCallback() {
    this.button = this.querySelector("[data-sign-within]");
    this.said = this.querySelector("[data-said]");
    this.choice = this.querySelector("[data-wallets]");
    this.button?.addEventListener("click", () => void this.choose());
    document.body.addEventListener("live:proposal", () => this.follow());
    this.check();
    this.follow();
  }

  /** These hashes and the whole page, its words too, must follow from the raw fields; else nothing is signed here. That
   * another part of the page checks as well is no reason not to: a server may leave that part out. */
  check() {
    this.fields = null;
    try {
      const given = read("proposal-fields");
      this.child = read(this.getAttribute("data"));
      this.chain = given.chain;
      const found = messageHashes(given.fields, this.child);
      const good = Object.entries(found).map(([name, value]) => {
        const place = this.querySelector(`[data-within="${name}"]`);
        const ok = shown(place?.querySelector("code")) === value;
        tick(place?.querySelector("[data-check]"), ok);
        return ok;
      });
      const [wrong] = whatIsWrong(document, given.fields);
      if (good.every(Boolean) && !wrong) this.fields = Object.freeze(given.fields);
      else this.say(`Do not sign: ${wrong ?? "these hashes do not match what would be signed."}`, "bad");
    } catch {
      for (const line of this.querySelectorAll("[data-within] [data-check]")) tick(line, false);
      this.say("Do not sign: this page does not match what would be signed.", "bad");
    }
  }

  get signed() {
    return (document.getElementById(this.getAttribute("list"))?.dataset.signed ?? "").split(" ").filter(Boolean);
  }

  follow() {
    if (!this.button) return;
    const status = document.getElementById("proposal-status")?.dataset.status;
    const open = status === "signing" || status === "ready";
    this.button.disabled = !open || !this.fields || this.hasAttribute("blocked");
  }

  say(text, tone = "") {
    this.said.textContent = text;
    this.said.dataset.tone = tone;
  }

  async choose() {
    this.choice.hidden = true;
    const wallets = await findWallets();
    if (!wallets.length) this.say("No wallet was found in this browser. Paste a signature instead.", "bad");
    else if (wallets.length === 1) await this.sign(wallets[0]);
    else {
      this.choice.replaceChildren(...wallets.map((wallet) => this.offer(wallet)));
      this.choice.hidden = false;
      this.choice.querySelector("button")?.focus();
      this.say("Which wallet?");
    }
  }

  offer(wallet) {
    const words = { type: "button", className: "btn btn-wide", textContent: `Sign with ${wallet.name}` };
    const button = Object.assign(document.createElement("button"), words);
    button.addEventListener("click", () => {
      this.choice.hidden = true;
      void this.sign(wallet);
    });
    return button;
  }

  async sign(wallet) {
    this.check(); // once more: parts of the page have been drawn anew since it was loaded
    this.follow();
    if (!this.fields || this.button.disabled) return;
    this.button.disabled = true;
    try {
      this.say(`Compare the hashes in ${wallet.name} with those above, then confirm there.`);
      const unsigned = this.child.owners.filter((owner) => !this.signed.includes(owner));
      const account = await pickAccount(wallet.provider, this.child.owners, this.signed, unsigned.join(" or "));
      await needChain(wallet.provider, this.fields.chainId, this.chain);
      const data = JSON.stringify(messageTypedData(this.fields, this.child));
      await this.send(String(await wallet.provider.request({ method: "eth_signTypedData_v4", params: [account, data] })));
    } catch (error) {
      this.say(error?.code === 4001 ? "Not signed: it was declined in the wallet." : String(error?.message ?? "The wallet did not sign."), "bad");
    } finally {
      this.follow();
    }
  }

  async send(signature) {
    const token = JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}")["X-CSRFToken"] ?? "";
    const answer = await fetch(this.getAttribute("endpoint"), {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: JSON.stringify({ signature }),
    });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      const first = body.errors?.[0];
      throw new Error([first?.message ?? body.detail ?? `The server answered ${answer.status}.`, first?.hint && `Right would be: ${first.hint}.`].filter(Boolean).join(" "));
    }
    this.say(`Signed as ${body.owner.slice(0, 6)}…${body.owner.slice(-4)}. ${body.signed} of ${body.threshold}.`, "good");
  }
}

customElements.define("bg-sign-within", SignWithin);
