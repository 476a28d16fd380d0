// What the wallet shows before it signs: built from text only, no markup from anywhere.
import { ACCOUNTS, CHAIN_ID } from "./accounts.js";
import { busy, rejected } from "./errors.js";

let open = null;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// A hash in two rows of eight groups, as devices show it.
function grouped(hash) {
  const groups = hash.slice(2).match(/.{1,4}/g) ?? [];
  return element("code", { class: "dw-hash" }, element("i", {}, "0x"), ...groups.map((part) => element("span", {}, part)));
}

const isLong = (text) => /^0x[0-9a-fA-F]{8,}$/.test(text);

function table(caption, rows) {
  const list = element("dl", { class: "dw-lines" });
  for (const [name, value] of rows)
    list.append(element("div", {}, element("dt", {}, name), element("dd", { class: isLong(value) ? "dw-mono" : "" }, value)));
  return element("section", { class: "dw-part" }, element("h3", {}, caption), list);
}

function hashTable(caption, rows) {
  const list = element("dl", { class: "dw-hashes" });
  for (const [name, value] of rows) list.append(element("div", {}, element("dt", {}, name), element("dd", {}, grouped(value))));
  return element("section", { class: "dw-part" }, element("h3", {}, caption), list);
}

function who(account) {
  return element(
    "p",
    { class: "dw-who" },
    element("strong", {}, account.name),
    ` ${account.role}`,
    element("code", { class: "dw-mono" }, account.address),
  );
}

function picker(selected) {
  const group = element("fieldset", { class: "dw-accounts" }, element("legend", {}, "Sign as"));
  for (const account of ACCOUNTS) {
    const input = element("input", {
      type: "radio",
      name: "account",
      value: account.address,
      checked: account.address === selected,
    });
    group.append(
      element(
        "label",
        {},
        input,
        element(
          "span",
          {},
          element("strong", {}, account.name),
          element("span", { class: "dw-role" }, account.role),
          element("code", { class: "dw-mono" }, account.address),
        ),
      ),
    );
  }
  return group;
}

function styles() {
  if (document.querySelector("link[data-devnet-wallet]")) return null;
  const link = element("link", { rel: "stylesheet", href: "/devnet/wallet/wallet.css", "data-devnet-wallet": true });
  const loaded = new Promise((resolve) => {
    link.addEventListener("load", resolve, { once: true });
    link.addEventListener("error", resolve, { once: true });
  });
  document.head.append(link);
  return loaded;
}

// Shows a question; resolves with the form's data when it is answered by `action`, rejects (4001) when it is not.
async function ask({ title, action, parts, focus }) {
  if (open) throw busy();
  const cancel = element("button", { type: "submit", value: "cancel", class: "btn", formnovalidate: true }, "Cancel");
  const confirm = element("button", { type: "submit", value: "confirm", class: "btn btn-primary" }, action);
  const form = element(
    "form",
    { method: "dialog" },
    element(
      "header",
      { class: "dw-head" },
      element("p", { class: "dw-kind" }, `Devnet wallet · chain ${CHAIN_ID} · test keys`),
      element("h2", { id: "devnet-wallet-title" }, title),
    ),
    element("div", { class: "dw-body", tabindex: "0", role: "group", "aria-labelledby": "devnet-wallet-title" }, ...parts),
    element("footer", { class: "dw-actions" }, cancel, confirm),
  );
  const dialog = element("dialog", { class: "dialog devnet-wallet", "aria-labelledby": "devnet-wallet-title" }, form);
  open = dialog;
  try {
    await styles();
    document.body.append(dialog);
    dialog.showModal();
    (focus ? dialog.querySelector(focus) : cancel)?.focus();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    if (dialog.returnValue !== "confirm") throw rejected();
    return new FormData(form);
  } finally {
    dialog.remove();
    open = null;
  }
}

export async function chooseAccount(selected, host) {
  const data = await ask({
    title: `Connect to ${host}`,
    action: "Connect",
    parts: [picker(selected), element("p", { class: "dw-note" }, "Everybody knows these keys: they are worth nothing anywhere else.")],
    focus: "input:checked",
  });
  return String(data.get("account"));
}

export const confirmTyped = ({ account, domain, type, lines, hashes }) =>
  ask({
    title: type === "SafeTx" ? "Sign a Safe transaction" : `Sign ${type}`,
    action: "Sign",
    parts: [
      who(account),
      hashTable("Compare before you sign", [
        ["Domain hash", hashes.domain],
        ["Message hash", hashes.message],
        [type === "SafeTx" ? "Safe transaction hash" : "Hash that is signed", hashes.digest],
      ]),
      table("Domain", domain),
      table("Message", lines),
    ],
  });

export const confirmText = ({ account, text, digest }) =>
  ask({
    title: "Sign a text",
    action: "Sign",
    parts: [
      who(account),
      element("section", { class: "dw-part" }, element("h3", {}, "Text"), element("pre", { class: "dw-text" }, text)),
      hashTable("Hash that is signed", [["EIP-191", digest]]),
    ],
  });

export const confirmTransaction = ({ account, lines, digest }) =>
  ask({
    title: "Send a transaction",
    action: "Sign and send",
    parts: [who(account), table("Transaction", lines), hashTable("Hash that is signed", [["EIP-1559", digest]])],
  });
