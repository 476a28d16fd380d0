// <bg-clock since="…" until="…" target="600">: counts up; late once the target is past.

/**
 * @param {number} seconds
 * @returns {string}
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/** @type {Set<Clock>} */
const running = new Set();

class Clock extends HTMLElement {
  connectedCallback() {
    running.add(this);
    this.tick();
  }

  disconnectedCallback() {
    running.delete(this);
  }

  tick() {
    const since = Date.parse(this.getAttribute("since") ?? "");
    if (Number.isNaN(since)) return;
    const until = Date.parse(this.getAttribute("until") ?? "");
    const seconds = ((Number.isNaN(until) ? Date.now() : until) - since) / 1000;
    const target = Number(this.getAttribute("target") ?? 0);
    this.textContent = clock(seconds);
    this.toggleAttribute("data-late", target > 0 && seconds > target);
  }
}

customElements.define("bg-clock", Clock);
setInterval(() => {
  for (const element of running) element.tick();
}, 1000);
