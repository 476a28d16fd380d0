// Whose signature it is, over the hash that was computed here: a wallet that signed something else is found out.
import { keccak_256 as keccak } from "../../static/npm/@noble/hashes/sha3.js";
import { Point, recoverPublicKey } from "../../static/npm/@noble/secp256k1/index.js";
import { BadFields, checksum, fromHex, toHex } from "../../static/js/safe-hash.js";

/** @param {string} signature 65 bytes r, s, v @param {string} hash @returns {string} the signer's address */
export function signerOf(signature, hash) {
  const bytes = fromHex(signature, "signature");
  const v = bytes[64] < 27 ? bytes[64] : bytes[64] - 27;
  if (bytes.length !== 65 || v > 1) throw new BadFields("signature", "not 65 bytes of r, s and v");
  let key;
  try {
    key = recoverPublicKey(Uint8Array.from([v, ...bytes.slice(0, 64)]), fromHex(hash), { prehash: false, lowS: false });
  } catch {
    throw new BadFields("signature", "nobody's");
  }
  return checksum(toHex(keccak(Point.fromBytes(key).toBytes(false).slice(1)).slice(12)));
}
