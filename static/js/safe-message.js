// What the owners of a Safe that owns a Safe sign: its SafeMessage about the other's transaction, from raw fields alone.
import { keccak_256 as keccak } from "../npm/@noble/hashes/sha3.js";
import { fromHex, hashes, toHex } from "./safe-hash.js";

const TYPE = keccak(new TextEncoder().encode("SafeMessage(bytes message)"));
const join = (...parts) => fromHex("0x" + parts.map((part) => part.slice(2)).join(""));

// Parents up to 1.4.1 ask about the 66 bytes that are hashed, parents of 1.5.0 about the hash.
function asked(raw) {
  const found = hashes(raw);
  return raw.version === "1.5.0" ? found.safeTx : toHex(join("0x1901", found.domain, found.message));
}

export function messageHashes(raw, child) {
  const { domain } = hashes({ ...raw, safe: child.safe, version: child.version });
  const message = toHex(keccak(join(toHex(TYPE), toHex(keccak(fromHex(asked(raw)))))));
  return { domain, message, safeMessage: toHex(keccak(join("0x1901", domain, message))) };
}

export function messageTypedData(raw, child) {
  hashes({ ...raw, safe: child.safe, version: child.version }); // throws where a field cannot be read in one way
  const chainId = BigInt(raw.chainId);
  return {
    types: {
      EIP712Domain: [
        { name: "chainId", type: "uint256" },
        { name: "verifyingContract", type: "address" },
      ],
      SafeMessage: [{ name: "message", type: "bytes" }],
    },
    primaryType: "SafeMessage",
    domain: {
      chainId: chainId <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(chainId) : chainId.toString(),
      verifyingContract: child.safe,
    },
    message: { message: asked(raw) },
  };
}
