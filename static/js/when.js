// <bg-when>: keeps "12 s ago" true. The same words as config/look/text.py.

/** @type {[number, string][]} */
const UNITS = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
];

/**
 * @param {number} then milliseconds
 * @param {number} now milliseconds
 * @returns {string}
 */
export function relative(then, now) {
  const seconds = Math.trunc((now - then) / 1000);
  const size = Math.abs(seconds);
  for (const [unit, name] of UNITS) {
    if (size >= unit) {
      const words = `${Math.floor(size / unit)} ${name}`;
      return seconds > 0 ? `${words} ago` : `in ${words}`;
    }
  }
  return "now";
}

/** @type {Set<When>} */
const shown = new Set();

class When extends HTMLElement {
  connectedCallback() {
    shown.add(this);
    this.tick();
  }

  disconnectedCallback() {
    shown.delete(this);
  }

  tick() {
    const time = this.querySelector("time");
    const text = this.querySelector(".when-text");
    if (!time || !text) return;
    const words = relative(Date.parse(time.dateTime), Date.now());
    if (text.textContent !== words) text.textContent = words;
  }
}

customElements.define("bg-when", When);
setInterval(() => {
  if (!document.hidden) for (const element of shown) element.tick();
}, 1000);
