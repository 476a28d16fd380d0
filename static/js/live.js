// <bg-live topics="incident:42 run:7" after="1234"></bg-live>: keeps a page true without a reload.
// One socket a page. Each message carries elements marked hx-swap-oob; they replace or join what is there.
// After a gap (sleep, a restart, a lost network) the socket names the last event it saw and gets what came since.

const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 5000;
const UNAUTHENTICATED = 4401;
const FOCUSABLE = "a[href], button, summary, [id]";

class Line {
  /** @type {WebSocket | null} */ #socket = null;
  #topics = new Set();
  #pause = FIRST_PAUSE;
  #after = 0;
  /** @type {Map<string, number>} */ #seen = new Map();

  /** @param {string[]} topics @param {number} after */
  follow(topics, after) {
    const fresh = topics.filter((topic) => !this.#topics.has(topic));
    fresh.forEach((topic) => {
      this.#topics.add(topic);
      this.#seen.set(topic, after);
    });
    if (!this.#socket) {
      this.#after = after;
      this.#open();
    } else if (fresh.length && this.#socket.readyState === WebSocket.OPEN) {
      this.#say(fresh);
    }
  }

  #open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/?after=${this.#after}`);
    this.#socket = socket;
    socket.addEventListener("open", () => this.#say([...this.#topics]));
    socket.addEventListener("message", (event) => this.#hear(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => this.#closed(event.code));
  }

  /** @param {string[]} topics */
  #say(topics) {
    this.#socket?.send(JSON.stringify({ subscribe: topics }));
  }

  /** @param {{seq?: number, topic?: string, verb?: string, html?: string, reload?: boolean, subscribed?: string[], here?: string}} message */
  #hear(message) {
    if (message.reload) {
      location.reload();
      return;
    }
    if (message.subscribed) {
      this.#pause = FIRST_PAUSE;
      state("on");
    }
    if (message.here) document.body.dispatchEvent(new CustomEvent("live:here", { detail: message }));
    if (!message.topic || message.seq === undefined) return;
    if (message.seq <= (this.#seen.get(message.topic) ?? 0)) return;
    this.#seen.set(message.topic, message.seq);
    this.#after = Math.max(this.#after, message.seq);
    if (message.html) apply(message.html);
    const name = message.topic.split(":")[0];
    document.body.dispatchEvent(new CustomEvent(`live:${name}`, { detail: message }));
  }

  /** @param {number} code */
  #closed(code) {
    if (code === UNAUTHENTICATED) {
      state("signed-out");
      return;
    }
    state("off");
    const pause = this.#pause * (0.5 + Math.random());
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    setTimeout(() => this.#open(), pause);
  }
}

/** Say on <html data-live> whether what is shown is kept true; the page's style makes it visible. */
function state(/** @type {"on" | "off" | "signed-out"} */ value) {
  document.documentElement.dataset.live = value;
  document.body.dispatchEvent(new CustomEvent("live:state", { detail: value }));
}

/** Put each marked element where it says: `true` replaces the element of the same id, `beforeend:#list` joins a list. */
export function apply(/** @type {string} */ html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  for (const element of [...template.content.querySelectorAll("[hx-swap-oob]")]) {
    const [how, where] = split(element.getAttribute("hx-swap-oob") ?? "true");
    element.removeAttribute("hx-swap-oob");
    place(element, how, where);
  }
}

/** @param {string} value @returns {[string, string | null]} */
function split(value) {
  const colon = value.indexOf(":");
  return colon < 0 ? [value, null] : [value.slice(0, colon), value.slice(colon + 1)];
}

/** @param {Element} element @param {string} how @param {string | null} where */
function place(element, how, where) {
  const already = element.id ? document.getElementById(element.id) : null;
  if (how === "true" || how === "outerHTML") {
    const target = where ? document.querySelector(where) : already;
    if (!target || holdsFocus(target)) return;
    keep(target, element);
    const focused = target.contains(document.activeElement) ? sameness(document.activeElement) : "";
    target.replaceWith(element);
    if (focused) again(element, focused)?.focus({ preventScroll: true });
  } else {
    const target = where ? document.querySelector(where) : null;
    if (!target || already) return;
    target.insertAdjacentElement(/** @type {InsertPosition} */ (how), element);
    element.classList.add("is-new");
  }
  window.htmx?.process(element);
}

/** Somebody is typing there: their words are worth more than our news, which the next event brings again. */
function holdsFocus(/** @type {Element} */ target) {
  const active = document.activeElement;
  return Boolean(active && target.contains(active) && active.matches("input, textarea, select, [contenteditable]"));
}

/** @param {Element} piece @param {string} known @returns {HTMLElement | undefined} */
function again(piece, known) {
  const found = [piece, ...piece.querySelectorAll(FOCUSABLE)].find((one) => sameness(one) === known);
  return /** @type {HTMLElement | undefined} */ (found);
}

/** By what an element is known again in the piece that replaces its own: whoever goes by keys stays where they were. A
 * button is that of its form and line, so that the focus never moves to another one that looks the same. */
function sameness(/** @type {Element | null} */ one) {
  if (!(one instanceof HTMLElement)) return "";
  if (one.id) return `#${one.id}`;
  if (one.matches("summary")) return `summary ${one.parentElement?.id || one.textContent?.replace(/\d+/g, "").trim()}`;
  if (!(one instanceof HTMLButtonElement)) return one.getAttribute("href") ?? "";
  const line = /** @type {HTMLInputElement | null} */ (one.form?.elements.namedItem("line"));
  return one.dataset.fill ?? `${one.form?.getAttribute("action")} ${line?.value ?? ""} ${one.textContent?.trim()}`;
}

/** What somebody opened stays open, and what they wrote or chose stays written, where the new piece still asks for it. */
function keep(/** @type {Element} */ old, /** @type {Element} */ fresh) {
  if (old.matches("details[open]")) fresh.setAttribute("open", "");
  for (const opened of old.querySelectorAll("details[id][open]")) {
    fresh.querySelector(`#${CSS.escape(opened.id)}`)?.setAttribute("open", "");
  }
  for (const field of old.querySelectorAll("input[id], textarea[id], select[id]")) {
    const next = fresh.querySelector(`#${CSS.escape(field.id)}`);
    if (!next) continue;
    if (field instanceof HTMLInputElement && field.type === "file") next.replaceWith(field);
    else if (field instanceof HTMLInputElement && next instanceof HTMLInputElement) {
      next.value = field.value;
      next.checked = field.checked;
    } else if (field instanceof HTMLTextAreaElement && next instanceof HTMLTextAreaElement) next.value = field.value;
  }
}

const line = new Line();

class BgLive extends HTMLElement {
  connectedCallback() {
    const topics = (this.getAttribute("topics") ?? "").split(/\s+/).filter(Boolean);
    if (topics.length) line.follow(topics, Number(this.getAttribute("after") ?? 0));
  }
}

customElements.define("bg-live", BgLive);
