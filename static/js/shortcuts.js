// <bg-shortcuts>: `/`, `?`, and whatever carries data-key="g i" (one key, or two in a row). `?` lists them.
import { offered } from "./commands.js";

const TOGETHER_MS = 1200;

/** @param {EventTarget | null} target */
function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

class Shortcuts extends HTMLElement {
  #before = "";
  #at = 0;
  /** @type {AbortController | undefined} */
  #listening;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.querySelector("dialog")?.addEventListener("dialog:opening", () => this.#list(), { signal });
  }

  disconnectedCallback() {
    this.#listening?.abort();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "/") return this.#open(event, "commands");
    if (event.key === "?") return this.#open(event, "shortcuts");
    if (event.key.length !== 1) return;
    const both = event.timeStamp - this.#at < TOGETHER_MS ? `${this.#before} ${event.key}` : event.key;
    this.#before = event.key;
    this.#at = event.timeStamp;
    const commands = offered();
    const command = commands.find(({ key }) => key === both) ?? commands.find(({ key }) => key === event.key);
    if (!command) return;
    event.preventDefault();
    command.element.focus();
    command.element.click();
  }

  /**
   * The page's own command line goes before the general box.
   * @param {KeyboardEvent} event
   * @param {string} id
   */
  #open(event, id) {
    event.preventDefault();
    const line = id === "commands" ? document.querySelector("[data-command-input]") : null;
    if (line instanceof HTMLElement) return line.focus();
    const opener = document.querySelector(`[data-opens="${id}"]`);
    if (opener instanceof HTMLElement) opener.click();
  }

  #list() {
    const list = this.querySelector("dl");
    list?.querySelectorAll("[data-found]").forEach((part) => part.remove());
    for (const { words, key } of offered().filter((command) => command.key)) {
      const term = document.createElement("dt");
      const text = document.createElement("dd");
      for (const part of key.split(" ")) {
        const kbd = document.createElement("kbd");
        kbd.textContent = part;
        term.append(kbd, " ");
      }
      text.textContent = words;
      term.dataset.found = text.dataset.found = "";
      list?.append(term, text);
    }
  }
}

customElements.define("bg-shortcuts", Shortcuts);
