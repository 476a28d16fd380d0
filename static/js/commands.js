// <bg-commands>: the command box. Its entries are the page's own links and buttons that carry data-command="Words";
// choosing one presses it. So a room adds a command by marking what it already has.

/** @typedef {{ words: string, key: string, element: HTMLElement }} Command */

/** @returns {Command[]} what this page offers now, the page's own before the frame's */
export function offered() {
  const seen = new Set();
  const commands = [];
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-command]"))) {
    const words = element.dataset.command ?? "";
    if (seen.has(words) || element.matches(":disabled, [hidden], [hidden] *")) continue;
    seen.add(words);
    commands.push({ words, key: element.dataset.key ?? "", element });
  }
  return commands.sort((a, b) => Number(inFrame(a.element)) - Number(inFrame(b.element)));
}

/** @param {HTMLElement} element */
function inFrame(element) {
  return element.closest(".bar") !== null;
}

/**
 * @param {string} words
 * @param {string} query
 * @returns {boolean} every word of the query begins a word, in any order
 */
export function fits(words, query) {
  const have = words.toLowerCase().split(/[\s#:·]+/);
  return query
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .every((part) => have.some((word) => word.startsWith(part)));
}

class Commands extends HTMLElement {
  /** @type {Command[]} */
  #found = [];
  #at = 0;

  connectedCallback() {
    const dialog = this.querySelector("dialog");
    const input = this.querySelector("input");
    if (!dialog || !input) return;
    dialog.addEventListener("dialog:opening", () => {
      input.value = "";
      this.#list();
    });
    input.addEventListener("input", () => this.#list());
    input.addEventListener("keydown", (event) => this.#key(event));
    this.querySelector("ul")?.addEventListener("click", (event) => {
      const item = /** @type {Element} */ (event.target).closest("li");
      if (item) this.#choose(Number(item.dataset.index));
    });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#found.length) {
      event.preventDefault();
      this.#at = (this.#at + step + this.#found.length) % this.#found.length;
      this.#mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#choose(this.#at);
    }
  }

  #list() {
    const list = this.querySelector("ul");
    const query = this.querySelector("input")?.value.replace(/^\//, "") ?? "";
    this.#found = offered().filter((command) => fits(command.words, query));
    this.#at = 0;
    list?.replaceChildren(
      ...this.#found.map((command, index) => {
        const item = document.createElement("li");
        item.id = `command-${index}`;
        item.role = "option";
        item.dataset.index = String(index);
        item.append(command.words);
        if (command.key) {
          const key = document.createElement("kbd");
          key.textContent = command.key;
          item.append(key);
        }
        return item;
      }),
    );
    const note = this.querySelector(".palette-note");
    if (note) note.textContent = this.#found.length ? "↑ ↓ to move, Enter to go, Esc to leave" : "Nothing here has that name.";
    this.#mark();
  }

  #mark() {
    const items = this.querySelectorAll("li");
    items.forEach((item, index) => item.setAttribute("aria-selected", String(index === this.#at)));
    items[this.#at]?.scrollIntoView({ block: "nearest" });
    this.querySelector("input")?.setAttribute("aria-activedescendant", items[this.#at]?.id ?? "");
  }

  /** @param {number} index */
  #choose(index) {
    const command = this.#found[index];
    if (!command) return;
    this.querySelector("dialog")?.close();
    command.element.focus();
    command.element.click();
  }
}

customElements.define("bg-commands", Commands);
