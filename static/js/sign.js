// <bg-sign>: recomputes the hashes of a proposal here, blocks on any mismatch, and only then lets a wallet sign typed
// data that is built from the very fields that were checked. The server gets the signature and nothing else.
import { typedData } from "./safe-hash.js";
import { checkHere, tellMismatch } from "./sign-page.js";
import { findWallets, needChain, pickAccount } from "./sign-wallets.js";

class Sign extends HTMLElement {
  connectedCallback() {
    this.button = this.querySelector("[data-sign]");
    this.label = this.querySelector("[data-sign-label]");
    this.said = this.querySelector("[data-said]");
    this.choice = this.querySelector("[data-wallets]");
    this.fields = null;
    this.button.addEventListener("click", () => void this.choose());
    document.body.addEventListener("live:proposal", () => this.follow());
    document.querySelector("[data-paste]")?.addEventListener("click", (event) => this.openPaste(event));
    this.check();
  }

  /** Compare everything shown with what follows from the raw fields; anything else than agreement blocks. */
  check() {
    const { given, fields, wrong } = checkHere();
    this.given = given;
    this.fields = fields;
    if (wrong.length) this.block(wrong);
    else this.follow();
  }

  block(reasons) {
    this.fields = null;
    tellMismatch(reasons);
    this.button.hidden = true;
    this.said.replaceChildren(
      "Do not sign: this page does not match what would be signed. ",
      Object.assign(document.createElement("a"), { href: "#mismatch", textContent: "What does not match" }),
    );
    this.said.dataset.tone = "bad";
    document.querySelector("[data-paste]")?.setAttribute("hidden", "");
    document.getElementById("paste")?.setAttribute("hidden", "");
  }

  get signed() {
    return (document.getElementById("proposal-signers")?.dataset.signed ?? "").split(" ").filter(Boolean);
  }

  /** The status may move while the page is open: say so where the thumb is, without moving anything. */
  follow() {
    if (this.button.hidden) return; // blocked for good: no event brings it back
    const status = document.getElementById("proposal-status")?.dataset.status ?? "";
    const open = this.fields !== null && !this.hasAttribute("blocked") && status === "signing";
    this.button.disabled = !open || this.hasAttribute("busy");
    if (this.hasAttribute("blocked") || this.hasAttribute("busy")) return;
    const collecting = status === "signing" || status === "ready";
    for (const element of document.querySelectorAll("[data-while-signing]")) element.toggleAttribute("hidden", !collecting);
    const summary = document.getElementById("proposal-progress")?.dataset.summary ?? "";
    if (summary) this.say(summary, { executed: "good", failed: "bad", superseded: "bad", unknown: "bad" }[status] ?? "");
    const words = { ready: "Enough signatures", executing: "Being executed", executed: "Executed", failed: "Failed", unknown: "Not known" };
    this.label.textContent = open ? "Sign with wallet" : (words[status] ?? "Closed");
  }

  say(text, tone = "") {
    this.said.textContent = text;
    this.said.dataset.tone = tone;
  }

  async choose() {
    this.choice.hidden = true;
    const wallets = await findWallets();
    if (!wallets.length) {
      this.say("No wallet was found in this browser. Open this page in the wallet's own browser, or paste a signature.", "bad");
    } else if (wallets.length === 1) {
      await this.sign(wallets[0]);
    } else {
      this.offer(wallets);
    }
  }

  offer(wallets) {
    this.choice.replaceChildren(
      ...wallets.map((wallet) => {
        const button = Object.assign(document.createElement("button"), {
          type: "button",
          className: "btn btn-wide",
          textContent: `Sign with ${wallet.name}`,
        });
        button.addEventListener("click", () => {
          this.choice.hidden = true;
          void this.sign(wallet);
        });
        return button;
      }),
    );
    this.choice.hidden = false;
    this.choice.querySelector("button")?.focus();
    this.say("Which wallet?");
  }

  async sign(wallet) {
    this.check(); // once more: parts of the page have been drawn anew since it was loaded
    if (!this.fields) return;
    this.busy(true, "Waiting for the wallet…");
    this.say(`Compare the hashes in ${wallet.name} with those above, then confirm there.`);
    try {
      const fields = this.fields;
      const unsigned = this.given.owners.filter((owner) => !this.signed.includes(owner));
      const account = await pickAccount(wallet.provider, this.given.owners, this.signed, unsigned.join(" or "));
      await needChain(wallet.provider, fields.chainId, this.given.chain);
      const signature = await wallet.provider.request({
        method: "eth_signTypedData_v4",
        params: [account, JSON.stringify(typedData(fields))],
      });
      this.busy(true, "Handing it in…");
      await this.send(String(signature));
    } catch (error) {
      this.say(reason(error), "bad");
    } finally {
      this.busy(false);
    }
  }

  busy(on, words = "") {
    this.toggleAttribute("busy", on);
    this.button.setAttribute("aria-busy", String(on));
    if (on) {
      this.button.disabled = true;
      this.label.textContent = words;
    } else {
      this.follow();
    }
  }

  async send(signature) {
    const token = JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}")["X-CSRFToken"] ?? "";
    const answer = await fetch(this.getAttribute("endpoint") ?? "", {
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

  openPaste(event) {
    const box = document.getElementById("paste");
    if (!(box instanceof HTMLDetailsElement)) return;
    event.preventDefault();
    box.open = true;
    box.querySelector("textarea")?.focus();
  }
}

/** What a wallet or the server said, for a person. 4001 is the standard's "the user said no". */
function reason(error) {
  if (error?.code === 4001) return "Not signed: it was declined in the wallet.";
  return String(error?.message ?? "The wallet did not sign.");
}

customElements.define("bg-sign", Sign);
