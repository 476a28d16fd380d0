// <bg-playbook-editor data-check="/runbooks/check/">: a plain textarea with line numbers, indenting, marks on the lines
// that lint finds wrong, and the graph of what stands in it. Without this script the form works with its Check button.

const PAUSE = 350;
const INDENT = "  ";

class PlaybookEditor extends HTMLElement {
  /** @type {HTMLTextAreaElement} */ #text;
  /** @type {HTMLElement} */ #side;
  /** @type {AbortController | null} */ #asking = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** @type {string | null} */ #saved = null; // null: what stands here is saved nowhere
  #leaving = false;
  #lines = 0;

  connectedCallback() {
    this.#text = /** @type {HTMLTextAreaElement} */ (this.querySelector("textarea"));
    this.#side = /** @type {HTMLElement} */ (this.querySelector("[data-checked]"));
    this.#saved = this.hasAttribute("data-unsaved") ? null : this.#text.defaultValue;
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("scroll", () => this.#follow(), { passive: true });
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#text.addEventListener("blur", () => (this.#leaving = false));
    this.addEventListener("click", (event) => this.#clicked(event));
    const form = this.closest("form");
    form?.addEventListener("submit", () => (this.#saved = this.#text.value));
    form?.addEventListener("keydown", (event) => this.#save(event));
    window.addEventListener("beforeunload", (event) => {
      if (this.#text.value !== this.#saved) event.preventDefault();
    });
    this.#number();
    this.#mark();
    if (this.#text.value !== this.#text.defaultValue) this.#changed(); // the browser brought back what was typed
  }

  #changed() {
    this.#number();
    clearTimeout(this.#timer);
    this.#side.setAttribute("aria-busy", "true");
    this.#timer = setTimeout(() => this.#check(), PAUSE);
  }

  async #check() {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    const form = /** @type {HTMLFormElement} */ (this.closest("form"));
    const body = new URLSearchParams({ yaml: this.#text.value, slug: this.dataset.slug ?? "" });
    const token = /** @type {HTMLInputElement} */ (form.elements.namedItem("csrfmiddlewaretoken")).value;
    try {
      const answer = await fetch(this.dataset.check ?? "", {
        method: "POST",
        body,
        headers: { "X-CSRFToken": token },
        signal: asking.signal,
        redirect: "error",
      });
      if (!answer.ok) throw new Error(String(answer.status));
      this.#show(await answer.text());
    } catch (error) {
      if (asking.signal.aborted) return;
      this.#say();
    }
  }

  /** The last graph stays, faded, while there are mistakes: what is drawn tells where one was. @param {string} html */
  #show(html) {
    const old = this.#side.querySelector("[data-graph]");
    const scroll = old?.querySelector(".graph-scroll");
    const [left, top] = [scroll?.scrollLeft ?? 0, scroll?.scrollTop ?? 0];
    const fresh = document.createRange().createContextualFragment(html);
    const drawn = fresh.querySelector("[data-graph]");
    this.#side.replaceChildren(fresh);
    if (!drawn && old) {
      old.classList.add("editor-graph-old");
      const name = old.querySelector("h2");
      if (name) name.textContent = "Graph, as it was before the mistake";
      this.#side.append(old);
    }
    const box = drawn?.querySelector(".graph-scroll");
    if (box && scroll) [box.scrollLeft, box.scrollTop] = [left, top];
    this.#side.removeAttribute("aria-busy");
    this.#mark();
    this.#tell(this.#side.querySelector(".editor-verdict")?.textContent?.trim() ?? "");
  }

  /** For who listens: only when it is something new. @param {string} words */
  #tell(words) {
    const ear = this.querySelector("[data-tell]");
    if (ear && ear.textContent !== words) ear.textContent = words;
  }

  #say() {
    this.#side.removeAttribute("aria-busy");
    const verdict = this.#side.querySelector(".editor-verdict");
    if (verdict) verdict.textContent = "Could not be checked: no answer. Saving checks it again.";
    this.#tell("Could not be checked.");
  }

  #number() {
    let count = 1;
    const value = this.#text.value;
    for (let at = value.indexOf("\n"); at >= 0; at = value.indexOf("\n", at + 1)) count += 1;
    if (count === this.#lines) return;
    this.#lines = count;
    const numbers = this.querySelector(".editor-numbers pre");
    if (numbers) numbers.textContent = Array.from({ length: count }, (_, index) => index + 1).join("\n");
    this.#follow();
  }

  #height() {
    return parseFloat(getComputedStyle(this.#text).lineHeight);
  }

  #mark() {
    const marks = /** @type {HTMLElement} */ (this.querySelector(".editor-marks"));
    const wrong = [...this.#side.querySelectorAll("[data-problem]")];
    const lines = new Set(wrong.map((item) => Number(item.getAttribute("data-line"))));
    const height = this.#height();
    marks.replaceChildren(
      ...[...lines].map((line) => {
        const mark = document.createElement("div");
        mark.className = "editor-mark";
        mark.style.top = `${(line - 1) * height}px`;
        mark.style.height = `${height}px`;
        return mark;
      }),
    );
    this.#text.toggleAttribute("aria-invalid", false);
    if (wrong.length) this.#text.setAttribute("aria-invalid", "true");
    this.#follow();
  }

  #follow() {
    const numbers = /** @type {HTMLElement} */ (this.querySelector(".editor-numbers pre"));
    const marks = /** @type {HTMLElement} */ (this.querySelector(".editor-marks"));
    numbers.style.transform = marks.style.transform = `translateY(${-this.#text.scrollTop}px)`;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Escape") {
      this.#leaving = true;
      return;
    }
    if (event.key === "Tab" && !event.ctrlKey && !event.altKey && !event.metaKey) {
      if (this.#leaving) return;
      event.preventDefault();
      this.#indent(event.shiftKey);
    } else if (event.key === "Enter" && !event.isComposing && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      this.#newline();
    }
    if (event.key !== "Shift") this.#leaving = false;
  }

  /** `insertText` keeps the browser's own undo. @param {string} text */
  #insert(text) {
    if (!document.execCommand(text ? "insertText" : "delete", false, text)) {
      this.#text.setRangeText(text, this.#text.selectionStart, this.#text.selectionEnd, "end");
      this.#changed();
    }
  }

  #newline() {
    const { value, selectionStart } = this.#text;
    const line = value.slice(value.lastIndexOf("\n", selectionStart - 1) + 1, selectionStart);
    const lead = line.match(/^ */)?.[0] ?? "";
    const more = /:\s*$/.test(line) ? INDENT : "";
    const item = /^ *- /.test(line) && line.trim() !== "-" ? INDENT : "";
    this.#insert(`\n${lead}${item}${more}`);
  }

  /** @param {boolean} out */
  #indent(out) {
    const { value, selectionStart: start, selectionEnd: end } = this.#text;
    if (start === end && !out) {
      this.#insert(INDENT);
      return;
    }
    const first = value.lastIndexOf("\n", start - 1) + 1;
    const last = end > start && value[end - 1] === "\n" ? end - 1 : end;
    const block = value.slice(first, last);
    const moved = out ? block.replace(/^ {1,2}/gm, "") : block.replace(/^(?=.)/gm, INDENT);
    if (moved === block) return;
    this.#text.setSelectionRange(first, last);
    this.#insert(moved);
    const shift = moved.length - block.length;
    if (start === end) this.#text.setSelectionRange(Math.max(first, start + shift), Math.max(first, start + shift));
    else this.#text.setSelectionRange(first, first + moved.length);
  }

  /** @param {KeyboardEvent} event */
  #save(event) {
    if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (this.closest("form"));
    const button = /** @type {HTMLButtonElement | null} */ (form.querySelector("[data-save]"));
    form.requestSubmit(button);
  }

  /** A problem or a box of the graph leads to its line. @param {MouseEvent} event */
  #clicked(event) {
    const link = /** @type {Element} */ (event.target).closest("[data-line]");
    if (!link) return;
    event.preventDefault();
    this.#go(Number(link.getAttribute("data-line")), Number(link.getAttribute("data-column") ?? 1));
  }

  /** @param {number} line @param {number} column */
  #go(line, column) {
    const value = this.#text.value;
    let at = 0;
    for (let number = 1; number < line; number += 1) {
      const next = value.indexOf("\n", at);
      if (next < 0) break;
      at = next + 1;
    }
    const stop = value.indexOf("\n", at);
    const end = stop < 0 ? value.length : stop;
    const from = Math.min(at + Math.max(column - 1, 0), end);
    this.#text.focus({ preventScroll: true });
    this.#text.setSelectionRange(from, end);
    this.#text.scrollTop = Math.max(0, (line - 1) * this.#height() - this.#text.clientHeight / 3);
    this.#text.scrollLeft = 0;
    this.scrollIntoView({ block: "nearest" });
  }
}

customElements.define("bg-playbook-editor", PlaybookEditor);
