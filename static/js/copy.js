// <bg-copy value="…"><button>: copies the whole value and says so.

class Copy extends HTMLElement {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  connectedCallback() {
    this.addEventListener("click", () => void this.#copy());
  }

  async #copy() {
    const value = this.getAttribute("value") ?? "";
    const button = this.querySelector("button");
    const label = (button?.getAttribute("aria-label") ?? "Copy").replace(/^(Copied|Copy) /, "");
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      this.#select();
      document.dispatchEvent(
        new CustomEvent("toast", { detail: { kind: "warning", text: "The browser did not allow copying. The value is selected: copy it by hand." } }),
      );
      return;
    }
    this.dataset.done = "";
    button?.setAttribute("aria-label", `Copied ${label}`);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      delete this.dataset.done;
      button?.setAttribute("aria-label", `Copy ${label}`);
    }, 2000);
  }

  /** Selects the value that stands beside the button. */
  #select() {
    const shown = this.parentElement?.querySelector("code, .hash-full");
    if (shown) window.getSelection()?.selectAllChildren(shown);
  }
}

customElements.define("bg-copy", Copy);
