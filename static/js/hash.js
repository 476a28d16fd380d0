// <bg-hash>: a short hash that opens to its full length.

class Hash extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    button?.addEventListener("click", () => {
      button.setAttribute("aria-expanded", String(button.getAttribute("aria-expanded") !== "true"));
    });
  }
}

customElements.define("bg-hash", Hash);
