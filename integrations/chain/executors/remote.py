"""A signer that holds an executor's key elsewhere and signs on request: JSON-RPC `eth_signTransaction` (Web3Signer).

What it returns is bytes, and nothing more: whoever asked holds them against what was to be signed. It is asked again
after a silence, for the same content at the same nonce, so that at most one of its answers can ever be mined.
"""

import json
import ssl
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3

from integrations.chain.addresses import parse_address
from ledger.errors import Invalid

MAX_ANSWER = 2 * 1024 * 1024
TIMEOUT = 10.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SignerDown(Exception):
    """It gave no usable answer: it may have signed, or not. Worth asking again."""


class SignerRefused(Exception):
    """It answered that it will not sign this."""


@dataclass(frozen=True, slots=True)
class SignerConfig:
    """How a remote signer is reached. Files lie on the machines that run workers."""

    url: str
    token: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    timeout: float = TIMEOUT

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Invalid("signer", "This is not the address of a signer.", "an http or https URL")
        if parts.username or parts.password:
            raise Invalid("signer", "The address holds a password.", "a token, beside the address")
        if self.token and parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise Invalid("signer", "The token would travel unencrypted.", "an https URL")
        if not 0 < self.timeout <= 60:
            raise Invalid("timeout", "This is not a time to wait.", "up to 60 seconds")

    def __repr__(self) -> str:
        return f"<SignerConfig {self.name}>"

    @property
    def name(self) -> str:
        """Its host, which may be shown."""
        return urlsplit(self.url).netloc

    def dump(self) -> str:
        """For sealing."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> "SignerConfig":
        return cls(**json.loads(text))


class RemoteSigner:
    """One signer, asked over a fresh connection: it is asked seldom, and a stale one would cost a try."""

    def __init__(self, config: SignerConfig) -> None:
        self._config = config

    def __repr__(self) -> str:
        return f"<RemoteSigner {self._config.name}>"

    def sign(self, request: dict[str, str]) -> bytes:
        """The signed bytes, as it gives them: nothing of them is believed here."""
        answer = self._ask("eth_signTransaction", [request])
        raw = answer.get("raw") if isinstance(answer, dict) else answer  # geth answers with both forms
        if not isinstance(raw, str) or not raw.startswith("0x"):
            raise SignerDown("answered something that is no transaction")
        try:
            return bytes.fromhex(raw[2:])
        except ValueError as error:
            raise SignerDown("answered something that is no transaction") from error

    def accounts(self) -> list[str]:
        """The addresses that it signs for."""
        answer = self._ask("eth_accounts", [])
        if not isinstance(answer, list):
            raise SignerDown("answered something that is no list of accounts")
        try:
            return [parse_address(one, "account") for one in answer]
        except Invalid as error:
            raise SignerDown("answered something that is no list of accounts") from error

    def _ask(self, method: str, params: list[object]) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        status, raw = self._post(body)
        if status in (401, 403):
            raise SignerDown(f"does not know us (HTTP {status})")
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise SignerDown(f"answered HTTP {status}, and no JSON") from error
        refusal = answer.get("error") if isinstance(answer, dict) else None
        if isinstance(refusal, dict):
            raise SignerRefused(str(refusal.get("message", "an error without words"))[:300])
        if status != 200 or not isinstance(answer, dict) or answer.get("id") != 1 or "result" not in answer:
            raise SignerDown(f"answered HTTP {status}, and nothing usable")
        return answer["result"]

    def _post(self, body: bytes) -> tuple[int, bytes]:
        config = self._config
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if config.token:
            headers["Authorization"] = f"Bearer {config.token}"
        limits = urllib3.Timeout(connect=min(2.0, config.timeout), read=config.timeout)
        end = time.monotonic() + config.timeout
        try:
            with urllib3.PoolManager(retries=False, ssl_context=self._tls()) as pool:
                response = pool.request(
                    "POST",
                    config.url,
                    body=body,
                    headers=headers,
                    timeout=limits,
                    redirect=False,
                    preload_content=False,
                )
                parts: list[bytes] = []
                for part in response.stream(64 * 1024):
                    parts.append(part)
                    if sum(map(len, parts)) > MAX_ANSWER or time.monotonic() > end:
                        raise SignerDown("its answer came too slowly, or is too large")
                return response.status, b"".join(parts)
        except urllib3.exceptions.TimeoutError as error:
            raise SignerDown(f"gave no answer within {config.timeout:g} s") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise SignerDown(f"the connection failed ({type(error).__name__})") from error

    def _tls(self) -> ssl.SSLContext | None:
        config = self._config
        if not config.url.startswith("https"):
            return None
        try:
            context = ssl.create_default_context(cafile=config.ca_file or None)
            if config.cert_file:
                context.load_cert_chain(config.cert_file, config.key_file or None)
        except (OSError, ssl.SSLError) as error:
            raise SignerDown("a certificate or key file of its configuration cannot be read here") from error
        return context
