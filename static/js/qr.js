// A QR code as SVG, drawn here from what was computed here: a picture from a server could hold something else.
import encodeQR from "../npm/qr/index.js";

const SVG = "http://www.w3.org/2000/svg";
const QUIET = 2;

/** @param {string} text @param {string} label what a screen reader says of it @returns {SVGSVGElement} */
export function qrCode(text, label) {
  const rows = encodeQR(text, "raw", { ecc: text.length > 600 ? "low" : "medium", border: QUIET });
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${rows.length} ${rows.length}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.setAttribute("class", "qr-code");
  svg.setAttribute("shape-rendering", "crispEdges");
  const ground = document.createElementNS(SVG, "rect");
  for (const [name, value] of [["width", "100%"], ["height", "100%"], ["fill", "#fff"]]) ground.setAttribute(name, value);
  const dots = document.createElementNS(SVG, "path");
  dots.setAttribute("fill", "#000");
  dots.setAttribute("d", rows.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join(""));
  svg.append(ground, dots);
  return svg;
}
