// Signs 32-byte hashes with one of the well-known keys.
import { hmac } from "/static/npm/@noble/hashes/hmac.js";
import { sha256 } from "/static/npm/@noble/hashes/sha2.js";
import * as secp from "/static/npm/@noble/secp256k1/index.js";
import { ACCOUNTS } from "./accounts.js";
import { fromHex } from "./bytes.js";

// Without these noble asks WebCrypto, which browsers keep from pages that are neither https nor on this machine.
secp.hashes.sha256 = sha256;
secp.hashes.hmacSha256 = (key, message) => hmac(sha256, key, message);

export const accountOf = (address) =>
  ACCOUNTS.find((account) => typeof address === "string" && account.address.toLowerCase() === address.toLowerCase());

export function sign(account, hash) {
  const bytes = secp.sign(hash, fromHex(account.key), { prehash: false, format: "recovered" });
  const { r, s, recovery } = secp.Signature.fromBytes(bytes, "recovered");
  return { r, s, recovery };
}

export const joined = ({ r, s, recovery }) =>
  "0x" + r.toString(16).padStart(64, "0") + s.toString(16).padStart(64, "0") + (27 + recovery).toString(16);
