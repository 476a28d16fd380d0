// <bg-graph>: the scrolled frame around a graph. One that is wider than its frame begins in the middle, where its first
// step stands, rather than at an empty corner. Without this script it can be scrolled there.

class Graph extends HTMLElement {
  connectedCallback() {
    this.scrollLeft = (this.scrollWidth - this.clientWidth) / 2;
  }
}

customElements.define("bg-graph", Graph);
