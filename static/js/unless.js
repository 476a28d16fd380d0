// <bg-unless user="user:12">: not for that person. A live fragment is drawn once for many; this is what differs.

class BgUnless extends HTMLElement {
  connectedCallback() {
    this.hidden = Boolean(this.getAttribute("user")) && this.getAttribute("user") === document.body.dataset.user;
  }
}

customElements.define("bg-unless", BgUnless);

// <bg-only user="user:12" hidden>: for that person alone.
class BgOnly extends HTMLElement {
  connectedCallback() {
    this.hidden = this.getAttribute("user") !== document.body.dataset.user;
  }
}

customElements.define("bg-only", BgOnly);
