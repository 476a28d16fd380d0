// An owner that is a Safe itself: whether it can sign as a contract, and the transaction by which it approves instead.
import { hashes, selectorOf } from "./safe-hash.js";

const ZERO = "0x" + "00".repeat(20);

// Safes up to 1.4.1 ask isValidSignature(bytes,bytes), which the handler of 1.5.0 no longer answers.
export const canAnswer = (asking, owner) => asking === "1.5.0" || owner !== "1.5.0";

/** The raw fields of the owner's own transaction that approves the hash of `raw` on chain. */
export function approvalFields(raw, { safe, version, nonce }) {
  const data = selectorOf("approveHash(bytes32)") + hashes(raw).safeTx.slice(2);
  const rest = { safeTxGas: "0", baseGas: "0", gasPrice: "0", gasToken: ZERO, refundReceiver: ZERO, nonce };
  return { chainId: String(raw.chainId), safe, version, to: raw.safe, value: "0", data, operation: 0, ...rest };
}
