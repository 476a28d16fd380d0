// <bg-toasts>: messages of the server, of htmx, of our own scripts. Errors stay until they are dismissed.
//
// From Python: Django's messages, or the header HX-Trigger: {"toast": {"kind": "success", "text": "…"}}.
// From a script: document.dispatchEvent(new CustomEvent("toast", {detail: {kind, text}})).

/** @type {Record<string, string>} */
const ICONS = { success: "check", error: "danger", warning: "warning" };
const STAYS_MS = 8000;

class Toasts extends HTMLElement {
  connectedCallback() {
    document.addEventListener("toast", (event) => {
      const { kind = "", text = "" } = /** @type {CustomEvent} */ (event).detail ?? {};
      this.add(String(kind), String(text));
    });
    this.addEventListener("click", (event) => {
      const target = /** @type {Element} */ (event.target);
      if (target.closest("[data-close]")) target.closest(".toast")?.remove();
    });
    for (const toast of this.querySelectorAll(".toast")) this.#fade(toast);
  }

  /**
   * @param {string} kind info, success, warning or error
   * @param {string} text
   */
  add(kind, text) {
    const template = this.querySelector("template");
    const list = this.querySelector(".toasts");
    const toast = /** @type {DocumentFragment | undefined} */ (template?.content.cloneNode(true))?.querySelector(".toast");
    if (!toast || !list) return;
    if (kind in ICONS) {
      toast.classList.add(`toast-${kind}`);
      const use = toast.querySelector("use");
      use?.setAttribute("href", (use.getAttribute("href") ?? "").replace(/#.*/, `#${ICONS[kind]}`));
    }
    const place = toast.querySelector(".toast-text");
    if (place) place.textContent = text;
    list.append(toast);
    this.#fade(toast);
  }

  /** @param {Element} toast */
  #fade(toast) {
    if (toast.matches(".toast-error, .toast-warning")) return;
    const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : toast.remove());
    setTimeout(leave, STAYS_MS);
  }
}

customElements.define("bg-toasts", Toasts);

/**
 * @param {string} kind
 * @param {string} text
 */
function say(kind, text) {
  document.dispatchEvent(new CustomEvent("toast", { detail: { kind, text } }));
}

// A whole error page has no place inside a small target: say its heading instead.
document.addEventListener("htmx:response:error", (event) => {
  const ctx = /** @type {CustomEvent} */ (event).detail?.ctx;
  const text = String(ctx?.text ?? "").trimStart();
  if (!/^<!doctype html/i.test(text)) return;
  const page = new DOMParser().parseFromString(text, "text/html");
  const words = page.querySelector("[data-what-happened]")?.textContent?.trim();
  say("error", words || `The server answered ${ctx.response?.status}. Nothing was changed here.`);
  ctx.hx.reswap = "none";
});

document.addEventListener("htmx:error", (event) => {
  const ctx = /** @type {CustomEvent} */ (event).detail?.ctx;
  if (ctx?.status?.startsWith("error")) say("error", "No answer from the server. Nothing was changed; try again.");
});
