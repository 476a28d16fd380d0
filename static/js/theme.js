// <bg-theme>: automatic, light, dark, kept in this browser.

const ORDER = ["auto", "light", "dark"];

/** @returns {string} */
function chosen() {
  return document.documentElement.dataset.theme ?? "auto";
}

/** @param {string} choice */
function choose(choice) {
  const root = document.documentElement;
  if (choice === "auto") delete root.dataset.theme;
  else root.dataset.theme = choice;
  try {
    if (choice === "auto") localStorage.removeItem("theme");
    else localStorage.setItem("theme", choice);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  for (const element of document.querySelectorAll("bg-theme")) /** @type {Theme} */ (element).show();
}

class Theme extends HTMLElement {
  connectedCallback() {
    this.show();
    this.querySelector("button")?.addEventListener("click", () => {
      choose(ORDER[(ORDER.indexOf(chosen()) + 1) % ORDER.length]);
    });
  }

  show() {
    const choice = chosen();
    this.dataset.choice = choice;
    const name = choice === "auto" ? "as the system" : choice;
    this.querySelector("button")?.setAttribute("aria-label", `Theme: ${name}. Change`);
  }
}

customElements.define("bg-theme", Theme);
