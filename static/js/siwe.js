// <bg-siwe message-url="…" verify-url="…" next="…">: Sign-In with Ethereum, to log in or to link a wallet.
// Holds a button, a CSRF field, and a place for what went wrong.
import { connect, hexOf, post, request, words } from "./wallets.js";

class SignInWithEthereum extends HTMLElement {
  connectedCallback() {
    this.querySelector("button")?.addEventListener("click", () => this.#run());
  }

  async #run() {
    const button = this.querySelector("button");
    const status = this.querySelector("[role=status]");
    if (!button || !status || button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    status.textContent = "";
    try {
      const { wallet, address, chainId } = await connect();
      const csrf = /** @type {HTMLInputElement} */ (this.querySelector("[name=csrfmiddlewaretoken]")).value;
      const { message } = await post(this.getAttribute("message-url") ?? "", { address, chain_id: chainId }, csrf);
      status.textContent = "Sign the message in your wallet.";
      const signature = await request(wallet, "personal_sign", [hexOf(message), address]);
      status.textContent = "";
      const next = this.getAttribute("next") ?? "";
      const { redirect } = await post(this.getAttribute("verify-url") ?? "", { message, signature, next }, csrf);
      window.location.assign(redirect);
    } catch (error) {
      button.removeAttribute("aria-busy");
      status.textContent = words(error);
    }
  }
}

customElements.define("bg-siwe", SignInWithEthereum);
