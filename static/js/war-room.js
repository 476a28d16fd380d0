// The war room's own parts: the command box, and who is here.
//
// <bg-command>: `/` brings one here from anywhere, what can follow is shown above the line, Tab takes it, Enter sends it.
// What was wrong is said beside the line, and the line stays as it was written. Any [data-fill] on the page begins a line,
// and any form[data-do] is sent the same way: what it changes is put in its place, and what was open stays open.
import { apply } from "./live.js";

const PAUSE_MS = 60;

class Command extends HTMLElement {
  /** @type {{ line: string, words: string }[]} */ #options = [];
  #at = -1;
  #busy = false;
  #asked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #soon;
  /** @type {AbortController | undefined} */ #listening;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.#line.addEventListener("input", () => this.#ask(), { signal });
    this.#line.addEventListener("focus", () => this.#begin(), { signal });
    this.#line.addEventListener("blur", () => this.#show([], ""), { signal });
    this.#line.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#form.addEventListener("submit", (event) => this.#send(event), { signal });
    // Before the line loses the focus: choosing with a finger must not close the list first.
    this.#list.addEventListener("pointerdown", (event) => this.#pick(event), { signal });
    document.addEventListener("click", (event) => this.#fill(event), { signal });
    document.addEventListener("submit", (event) => this.#do(event), { signal, capture: true });
    // Somebody was quicker than this script.
    if (document.activeElement === this.#line && !this.#line.value.startsWith("/")) this.#write(`/${this.#line.value}`);
  }

  disconnectedCallback() {
    this.#listening?.abort();
  }

  get #form() {
    return /** @type {HTMLFormElement} */ (this.querySelector("form"));
  }

  get #line() {
    return /** @type {HTMLTextAreaElement} */ (this.querySelector("textarea"));
  }

  get #list() {
    return /** @type {HTMLUListElement} */ (this.querySelector("[role=listbox]"));
  }

  #begin() {
    if (!this.#line.value) this.#write("/");
  }

  /** @param {string} text */
  #write(text) {
    this.#line.value = text;
    this.#line.setSelectionRange(text.length, text.length);
    this.#ask(0);
  }

  /** A button that begins a line: the command's own, or one beside a task, a role, an address. */
  #fill(/** @type {Event} */ event) {
    const button = /** @type {Element} */ (event.target).closest("[data-fill]");
    if (!(button instanceof HTMLElement)) return;
    this.#line.focus();
    this.#write(button.dataset.fill ?? "/");
  }

  #ask(pause = PAUSE_MS) {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.#fetch(), pause);
  }

  async #fetch() {
    const turn = ++this.#asked;
    const line = this.#line.value;
    if (!line.startsWith("/") || line.includes("\n")) return this.#show([], "");
    try {
      const answer = await fetch(`${this.#form.dataset.complete}?${new URLSearchParams({ line })}`);
      const { options, usage } = await answer.json();
      if (turn === this.#asked && document.activeElement === this.#line) this.#show(options, usage);
    } catch {
      this.#show([], "");
    }
  }

  /** @param {{ line: string, words: string }[]} options @param {string} usage */
  #show(options, usage) {
    this.#options = options;
    this.#at = -1;
    const items = options.map(({ line, words }, index) => {
      const item = document.createElement("li");
      const code = document.createElement("code");
      item.id = `command-option-${index}`;
      item.role = "option";
      item.dataset.index = String(index);
      code.textContent = line;
      item.append(code, " ", words);
      return item;
    });
    this.#list.replaceChildren(...items);
    this.#list.hidden = !items.length;
    this.#line.title = usage;
    this.#mark();
  }

  #mark() {
    const items = [...this.#list.children];
    items.forEach((item, index) => item.setAttribute("aria-selected", String(index === this.#at)));
    items[this.#at]?.scrollIntoView({ block: "nearest" });
    this.#line.setAttribute("aria-activedescendant", items[this.#at]?.id ?? "");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#options.length) {
      event.preventDefault();
      const count = this.#options.length;
      this.#at = this.#at < 0 ? (step > 0 ? 0 : count - 1) : (this.#at + step + count) % count;
      this.#mark();
    } else if (event.key === "Tab" && !event.shiftKey && this.#options.length) {
      event.preventDefault();
      this.#take(Math.max(0, this.#at));
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (this.#at >= 0) this.#take(this.#at);
      else this.#form.requestSubmit();
    } else if (event.key === "Escape") {
      if (this.#options.length) this.#show([], "");
      else this.#leave();
    }
  }

  #leave() {
    if (this.#line.value === "/") this.#line.value = "";
    this.#line.blur();
  }

  /** @param {number} index */
  #take(index) {
    const option = this.#options[index];
    if (option) this.#write(option.line);
  }

  /** @param {PointerEvent} event */
  #pick(event) {
    event.preventDefault();
    const item = /** @type {Element} */ (event.target).closest("li");
    if (item) this.#take(Number(item.dataset.index));
  }

  /** @param {SubmitEvent} event */
  async #send(event) {
    event.preventDefault();
    if (this.#busy) return;
    this.#busy = true;
    this.#form.setAttribute("aria-busy", "true");
    clearTimeout(this.#soon);
    this.#asked += 1;
    const line = this.#line.value;
    const answer = await this.#post(this.#form);
    this.#line.setAttribute("aria-invalid", String(!answer?.ok));
    if (answer?.ok && this.#line.value === line) this.#line.value = "";
    this.#busy = false;
    this.#form.removeAttribute("aria-busy");
  }

  /** @param {SubmitEvent} event */
  async #do(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches("[data-do]")) return;
    event.preventDefault();
    if (form.hasAttribute("aria-busy")) return;
    form.setAttribute("aria-busy", "true");
    await this.#post(form);
    form.removeAttribute("aria-busy");
  }

  /** @param {HTMLFormElement} form @returns {Promise<Response | null>} what came, put into the page; null for nothing */
  async #post(form) {
    // A piece that came by socket was drawn for many and holds no token of this person's.
    const token = /** @type {HTMLInputElement} */ (this.#form.elements.namedItem("csrfmiddlewaretoken")).value;
    try {
      const headers = { "HX-Request": "true", "X-CSRFToken": token };
      const answer = await fetch(form.action, { method: "POST", headers, body: new FormData(form) });
      const onward = answer.headers.get("HX-Redirect");
      if (onward) location.assign(onward);
      else await this.#heard(answer);
      return answer;
    } catch {
      this.#say("No answer from the server. Nothing is lost: send it again.");
      return null;
    }
  }

  /** @param {Response} answer */
  async #heard(answer) {
    const html = await answer.text();
    const whole = /^\s*<!doctype html/i.test(html);
    if (whole) return this.#say(`The server answered ${answer.status}. Nothing was changed.`);
    apply(html);
    this.#show([], "");
  }

  /** @param {string} words */
  #say(words) {
    const said = this.querySelector(".command-said");
    if (!said) return;
    said.classList.add("command-wrong");
    said.textContent = words;
  }
}

customElements.define("bg-command", Command);

// <bg-here topic="incident:42">: the people whose pages follow it now, as the socket tells.
class Here extends HTMLElement {
  connectedCallback() {
    document.body.addEventListener("live:here", (event) => {
      const { here, people } = /** @type {CustomEvent} */ (event).detail;
      if (here === this.getAttribute("topic")) this.#show(people);
    });
  }

  /** @param {{ who: string, name: string }[]} people */
  #show(people) {
    const names = people.map(({ name }) => name);
    this.textContent = names.length ? `here: ${names.join(", ")}` : "";
  }
}

customElements.define("bg-here", Here);
