// What EIP-1193 says a wallet may say.
export class ProviderError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "ProviderError";
    this.code = code;
  }
}

export const rejected = () => new ProviderError(4001, "You cancelled the request.");
export const unauthorized = (message) => new ProviderError(4100, message);
export const unsupported = (method) => new ProviderError(4200, `The devnet wallet does not know ${method}.`);
export const invalid = (message) => new ProviderError(-32602, message);
export const busy = () => new ProviderError(-32002, "The devnet wallet is already asking you something.");
