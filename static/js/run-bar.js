// <bg-run-bar since="…" until="…" data-expected="120" data-target="600">: keeps the thin line above a run moving.
// The server draws it once; here only the elapsed part grows, and the marks move in once it outgrows the line.

const PARTS = 1000;

/** @type {Set<RunBar>} */
const shown = new Set();

class RunBar extends HTMLElement {
  connectedCallback() {
    if (this.hasAttribute("since") && !this.hasAttribute("until")) shown.add(this);
  }

  disconnectedCallback() {
    shown.delete(this);
  }

  tick() {
    const elapsed = (Date.now() - Date.parse(this.getAttribute("since") ?? "")) / 1000;
    if (Number.isNaN(elapsed)) return;
    const expected = Number(this.dataset.expected ?? 0);
    const target = Number(this.dataset.target ?? 0);
    const whole = Math.max(elapsed, expected, target, 1);
    const done = this.querySelector(".run-line-done");
    done?.setAttribute("width", String(Math.round((elapsed / whole) * PARTS)));
    done?.classList.toggle("run-line-late", target > 0 && elapsed > target);
    this.querySelector(".run-line-expected")?.setAttribute("x", String(Math.min(996, Math.round((expected / whole) * PARTS))));
    this.querySelector(".run-line-target")?.setAttribute("x", String(Math.min(996, Math.round((target / whole) * PARTS))));
  }
}

customElements.define("bg-run-bar", RunBar);
setInterval(() => {
  for (const bar of shown) bar.tick();
}, 1000);
