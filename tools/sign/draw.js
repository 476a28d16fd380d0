// Small pieces of the page. Everything that comes from a bundle goes in as text, never as HTML.
import { qrCode } from "../../static/js/qr.js";

export const find = (name) => document.getElementById(name);

export function make(tag, { className = "", text = "", ...rest } = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(rest)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** In groups of four, as a device shows it. */
export function chunks(value) {
  const code = make("code", { className: "hash" });
  for (const part of value.slice(2).match(/.{1,4}/g) ?? []) code.append(make("span", { text: part }));
  code.prepend(make("span", { className: "zero-x", text: "0x" }));
  return code;
}

export const hashBlock = (label, value, name) =>
  make("div", { className: "hash-block", "data-hash": name }, make("p", { className: "legend", text: label }), chunks(value));

export const facts = (pairs) =>
  make(
    "dl",
    { className: "facts" },
    ...pairs.map(([name, value]) => make("div", {}, make("dt", { text: name }), make("dd", { className: "mono", text: String(value) }))),
  );

/** A text's QR code, drawn when it is opened; a text that is too long for one says so. */
export function qrDetails(summary, text, label) {
  const details = make("details", {}, make("summary", { text: summary }));
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    details.append(text.length > 2_300 ? make("p", { text: "Too long for a QR code." }) : qrCode(text, label));
  });
  return details;
}

export function copyButton(text, label) {
  const button = make("button", { className: "btn", type: "button", text: label });
  button.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(text).catch(() => {});
    button.textContent = "Copied";
  });
  return button;
}
