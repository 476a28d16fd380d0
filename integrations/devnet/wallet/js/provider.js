// EIP-1193: the methods that pages ask a wallet for.
import { ACCOUNTS, CHAIN_ID } from "./accounts.js";
import { address, fromHex, integer, toHex, utf8 } from "./bytes.js";
import { chooseAccount, confirmText, confirmTransaction, confirmTyped } from "./dialog.js";
import { hashes, lines, parse } from "./eip712.js";
import { invalid, ProviderError, unauthorized, unsupported } from "./errors.js";
import { accountOf, joined, sign } from "./signer.js";
import { serialize, signingHash, textHash } from "./transaction.js";

const MEMORY = "devnet-wallet.account";
const HEX_CHAIN = "0x" + CHAIN_ID.toString(16);
// Passed on to the devnet as they are; the server has the same list.
const READS = new Set([
  "eth_blockNumber",
  "eth_call",
  "eth_estimateGas",
  "eth_gasPrice",
  "eth_getBalance",
  "eth_getBlockByNumber",
  "eth_getCode",
  "eth_getTransactionByHash",
  "eth_getTransactionCount",
  "eth_getTransactionReceipt",
  "eth_maxPriorityFeePerGas",
]);

const wrongChain = (given) =>
  new ProviderError(4901, `The devnet wallet signs for chain ${CHAIN_ID} and for no other; this is for ${given}.`);

// What is not of its type becomes the caller's mistake, in words.
function read(what) {
  try {
    return what();
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    throw invalid(error.message);
  }
}

function requireDevnet(chainId, missing) {
  if (chainId === undefined || chainId === null || chainId === "") throw wrongChain(missing);
  const given = read(() => integer(chainId));
  if (given !== BigInt(CHAIN_ID)) throw wrongChain(`chain ${given}`);
}

export class Provider {
  #listeners = new Map();
  #connected = null;

  constructor() {
    const remembered = accountOf(sessionStorage.getItem(MEMORY));
    this.#connected = remembered?.address ?? null;
  }

  on(event, listener) {
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event).add(listener);
    return this;
  }

  removeListener(event, listener) {
    this.#listeners.get(event)?.delete(listener);
    return this;
  }

  #emit(event, value) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(value);
  }

  async request({ method, params = [] } = {}) {
    switch (method) {
      case "eth_chainId":
        return HEX_CHAIN;
      case "net_version":
        return String(CHAIN_ID);
      case "eth_accounts":
        return this.#connected ? [this.#connected] : [];
      case "eth_requestAccounts":
        return [await this.#connect()];
      case "wallet_requestPermissions":
        await this.#connect();
        return [{ parentCapability: "eth_accounts" }];
      case "wallet_revokePermissions":
        return this.#forget();
      case "wallet_switchEthereumChain":
      case "wallet_addEthereumChain":
        requireDevnet(params[0]?.chainId, "no chain");
        return null;
      case "personal_sign":
        return this.#signText(params);
      case "eth_signTypedData_v4":
        return this.#signTyped(params);
      case "eth_sendTransaction":
        return this.#send(params[0]);
      default:
        if (READS.has(method)) return this.#rpc(method, params);
        throw unsupported(method);
    }
  }

  async #connect() {
    const chosen = await chooseAccount(this.#connected ?? ACCOUNTS[1].address, location.host);
    const changed = chosen !== this.#connected;
    this.#connected = chosen;
    sessionStorage.setItem(MEMORY, chosen);
    if (changed) this.#emit("accountsChanged", [chosen]);
    return chosen;
  }

  #forget() {
    this.#connected = null;
    sessionStorage.removeItem(MEMORY);
    this.#emit("accountsChanged", []);
    return null;
  }

  #account(given) {
    const account = accountOf(given);
    if (!account) throw unauthorized(`The devnet wallet has no account ${given}.`);
    if (account.address !== this.#connected) throw unauthorized(`${account.name} is not connected to this page.`);
    return account;
  }

  async #signTyped([from, given]) {
    const account = this.#account(from);
    const data = read(() => parse(given));
    requireDevnet(data.domain.chainId, "a domain without a chain");
    const found = read(() => ({ hashes: hashes(data), lines: lines(data) }));
    const { digest } = found.hashes;
    await confirmTyped({
      account,
      type: data.primaryType,
      domain: data.types.EIP712Domain.map(({ name }) => [name, String(data.domain[name])]),
      lines: found.lines,
      hashes: { ...found.hashes, digest: toHex(digest) },
    });
    return joined(sign(account, digest));
  }

  async #signText([message, from]) {
    const account = this.#account(from);
    const { bytes, text } = read(() => readText(message));
    checkSignIn(text, account);
    const digest = textHash(bytes);
    await confirmText({ account, text, digest: toHex(digest) });
    return joined(sign(account, digest));
  }

  async #send(given) {
    if (given === null || typeof given !== "object") throw invalid("eth_sendTransaction takes a transaction");
    const account = this.#account(given.from);
    if (given.chainId !== undefined) requireDevnet(given.chainId, "no chain");
    const tx = await this.#completed(given, account);
    const digest = signingHash(tx);
    await confirmTransaction({ account, lines: described(tx), digest: toHex(digest) });
    return this.#rpc("eth_sendRawTransaction", [serialize(tx, sign(account, digest))]);
  }

  async #completed(given, account) {
    const data = given.data ?? given.input ?? "0x";
    const partial = read(() => ({
      chainId: BigInt(CHAIN_ID),
      to: given.to ? address(given.to) : null,
      value: integer(given.value ?? 0),
      data: fromHex(data),
    }));
    const call = { from: account.address, data, value: "0x" + partial.value.toString(16), ...(partial.to && { to: partial.to }) };
    const [nonce, gas, tip, block] = await Promise.all([
      given.nonce ?? this.#rpc("eth_getTransactionCount", [account.address, "pending"]),
      given.gas ?? this.#rpc("eth_estimateGas", [call]),
      given.maxPriorityFeePerGas ?? this.#rpc("eth_maxPriorityFeePerGas", []),
      this.#rpc("eth_getBlockByNumber", ["latest", false]),
    ]);
    return read(() => ({
      ...partial,
      nonce: integer(nonce),
      gas: integer(gas),
      maxPriorityFeePerGas: integer(tip),
      maxFeePerGas: integer(given.maxFeePerGas ?? 2n * integer(block.baseFeePerGas) + integer(tip)),
    }));
  }

  async #rpc(method, params) {
    let answer;
    try {
      const response = await fetch("/devnet/rpc", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      });
      answer = await response.json();
    } catch {
      throw new ProviderError(4900, "The devnet does not answer.");
    }
    if (answer.error) throw Object.assign(new ProviderError(answer.error.code, answer.error.message), { data: answer.error.data });
    return answer.result;
  }
}

// personal_sign takes hexadecimal bytes or text. Only readable text is signed: bare bytes could be the hash of
// something for another chain.
function readText(message) {
  if (typeof message !== "string") throw invalid("personal_sign takes a text");
  const bytes = /^0x([0-9a-fA-F]{2})*$/.test(message) ? fromHex(message) : utf8(message);
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("the devnet wallet signs readable text, not bare bytes");
  }
  if (!text || /[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/.test(text))
    throw invalid("the devnet wallet signs readable text, not bare bytes");
  return { bytes, text };
}

// A Sign-In with Ethereum text must be for this page, this account and this chain.
function checkSignIn(text, account) {
  const chain = text.match(/^Chain ID: *(.*)$/m);
  if (chain) requireDevnet(chain[1].trim(), "no chain");
  const signIn = text.match(/^(\S+) wants you to sign in with your Ethereum account:\n(\S+)/);
  if (!signIn) return;
  if (!chain) throw wrongChain("no chain");
  const host = signIn[1].replace(/^https?:\/\//, "");
  if (host !== location.host) throw unauthorized(`This signs in to ${host}, but the page is ${location.host}.`);
  if (signIn[2].toLowerCase() !== account.address.toLowerCase())
    throw unauthorized(`This signs in as ${signIn[2]}, not as ${account.address}.`);
}

function ether(wei) {
  const digits = wei.toString().padStart(19, "0");
  return `${digits.slice(0, -18)}.${digits.slice(-18)}`.replace(/\.?0+$/, "") + " ETH";
}

function described(tx) {
  return [
    ["to", tx.to ?? "a new contract"],
    ["value", ether(tx.value)],
    ["data", toHex(tx.data)],
    ["nonce", tx.nonce.toString()],
    ["gas limit", tx.gas.toString()],
    ["at most", ether(tx.gas * tx.maxFeePerGas) + " for gas"],
  ];
}
