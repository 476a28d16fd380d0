// <bg-approve data-url="…">: around the form of an approval that needs a wallet's signature. Pressing Approve fetches
// the typed data, has the wallet sign it, and sends the form with the signature; the server recovers who signed.
import { connect, Problem, request, words } from "./wallets.js";

class ApproveWithWallet extends HTMLElement {
  connectedCallback() {
    this.querySelector("form")?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#sign(/** @type {HTMLFormElement} */ (event.target));
    });
  }

  /** @param {HTMLFormElement} form */
  async #sign(form) {
    const button = form.querySelector("[type=submit]");
    const status = this.querySelector("[role=status]");
    if (!button || !status || button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    status.textContent = "";
    try {
      const { wallet, address, chainId } = await connect();
      const answer = await fetch(`${this.getAttribute("data-url")}?chain_id=${chainId}`, { headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (!answer.ok) throw new Problem(`${told.detail}${told.errors?.[0]?.hint ? `: ${told.errors[0].hint}` : ""}`);
      status.textContent = "Compare what your wallet shows with this page, then sign there.";
      const signature = await request(wallet, "eth_signTypedData_v4", [address, JSON.stringify(told.typed_data)]);
      const values = { signature, chain_id: chainId, deadline: told.typed_data.message.deadline };
      for (const [name, value] of Object.entries(values)) {
        const field = /** @type {HTMLInputElement | null} */ (form.querySelector(`[name=${name}]`));
        if (field) field.value = String(value);
      }
      form.submit();
    } catch (error) {
      button.removeAttribute("aria-busy");
      status.textContent = words(error);
    }
  }
}

customElements.define("bg-approve", ApproveWithWallet);
