// The devnet wallet: announces itself by EIP-6963 like any injected wallet, shows what it is asked to sign, and signs
// in this browser with keys that the whole world knows. It knows one chain, the devnet, and refuses every other.
import { ICON } from "./wallet/icon.js";
import { Provider } from "./wallet/provider.js";

const provider = new Provider();
const detail = Object.freeze({
  info: Object.freeze({
    uuid: crypto.randomUUID?.() ?? "7a2f0f0e-5a0a-4d56-9d35-0000000b28c9",
    name: "Breakglass devnet wallet",
    icon: ICON,
    rdns: "dev.breakglass.devnet",
  }),
  provider,
});

const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
window.addEventListener("eip6963:requestProvider", announce);
announce();
