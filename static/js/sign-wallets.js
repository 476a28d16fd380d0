// Wallets that announce themselves (EIP-6963), and the older window.ethereum where nothing does.

/** @returns {Promise<{name: string, provider: any}[]>} */
export async function findWallets(patience = 250) {
  const found = new Map();
  const hear = (event) => {
    const { info, provider } = event.detail ?? {};
    if (info?.uuid && provider?.request) found.set(info.uuid, { name: String(info.name ?? "Wallet"), provider });
  };
  window.addEventListener("eip6963:announceProvider", hear);
  window.dispatchEvent(new Event("eip6963:requestProvider"));
  await new Promise((done) => setTimeout(done, patience));
  window.removeEventListener("eip6963:announceProvider", hear);
  const wallets = [...found.values()];
  if (!wallets.length && window.ethereum?.request) wallets.push({ name: "Browser wallet", provider: window.ethereum });
  return wallets;
}

/** The first account of the wallet that may still sign, or an Error that says who may. */
export async function pickAccount(provider, owners, signed, wanted) {
  const accounts = (await provider.request({ method: "eth_requestAccounts" })).map(String);
  const match = (list) => accounts.filter((account) => list.some((one) => one.toLowerCase() === account.toLowerCase()));
  const mine = match(owners);
  if (!mine.length)
    throw new Error(`${accounts[0] ?? "The wallet's account"} is not an owner of this Safe. Switch the wallet to ${wanted}.`);
  const open = mine.filter((account) => !signed.some((one) => one.toLowerCase() === account.toLowerCase()));
  if (!open.length) throw new Error(`${mine[0]} has signed this already. Another owner must sign.`);
  return open[0];
}

/** The wallet must be on the transaction's own chain: what it signs there is worth nothing elsewhere. */
export async function needChain(provider, chainId, name) {
  const wanted = "0x" + BigInt(chainId).toString(16);
  const present = async () => BigInt(await provider.request({ method: "eth_chainId" }));
  if ((await present()) === BigInt(chainId)) return;
  try {
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: wanted }] });
  } catch {
    // told below, with what the wallet is on
  }
  const now = await present();
  if (now !== BigInt(chainId)) throw new Error(`The wallet is on chain ${now}. Switch it to ${name} (chain ${chainId}).`);
}
