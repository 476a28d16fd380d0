"""A client of the Safe Transaction Service's REST API (v2), which somebody else runs.

Nothing that it answers is believed: an answer is only taken apart here (`service_answers.py`). Every call is bounded in
time and size, goes to the configured address and nowhere else (neither a redirect nor a `next` of the service's is
followed), and ends in an answer or in a `ServiceTrouble` that says in words what is wrong.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from integrations.outgoing import READS, Answer, OutgoingError, read_url, request
from integrations.safe.hashes import SafeTx, safe_tx_hash
from integrations.safe.service_answers import Listing, read_listing
from integrations.secrets.scrubbing import remember

PAGE, PAGES = 20, 5
MAX_ANSWER = 4_000_000
ORIGIN = "Breakglass"
LONGEST_PAUSE, LEAST_PAUSE = 3600.0, 5.0
PAUSE = 60.0
"""Seconds, where a service says "too many" without saying for how long."""


class ServiceTrouble(Exception):
    """It gave no answer that can be used. `pause`: seconds that it asked us to stay away for."""

    def __init__(self, words: str, pause: float | None = None) -> None:
        super().__init__(words)
        self.words, self.pause = words, pause


class ServiceRefusal(Exception):
    """It answered, and took not what it was given. `words` for people; what it says itself is not repeated."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True)
class Service:
    """One chain's service. All calls of one value together end within `seconds`."""

    url: str
    key: str = field(default="", repr=False)
    seconds: float = 45.0
    each: float = 10.0
    clock: Callable[[], float] = time.monotonic
    begun: float = field(default_factory=time.monotonic)

    def pending(self, safe: SafeTx) -> Listing:
        """Everything that it says is not executed from the Safe's nonce on; `safe` says which Safe, and what nonce."""
        found = Listing()
        for page in range(PAGES):
            query = urlencode(
                {
                    "executed": "false",
                    "nonce__gte": safe.nonce,
                    "ordering": "nonce",
                    "limit": PAGE,
                    "offset": page * PAGE,
                }
            )
            answer = self._call("GET", f"/api/v2/safes/{safe.safe}/multisig-transactions/?{query}")
            if answer.status != 200:
                raise ServiceTrouble(f"it answers {answer.status} where its list should be: is its address right?")
            try:
                more = read_listing(answer.json(), safe, found)
            except (OutgoingError, ValueError) as error:
                words = error.message if isinstance(error, OutgoingError) else str(error)
                raise ServiceTrouble(f"its answer makes no sense: {words}") from None
            if not more:
                return found
        found.cut = True
        return found

    def propose(self, tx: SafeTx, sender: str, signature: str) -> None:
        """Offer a transaction with one signature. It takes the same one twice without harm."""
        body = {
            "to": tx.to,
            "value": str(tx.value),
            "data": "0x" + tx.data.hex() if tx.data else None,
            "operation": tx.operation,
            "safeTxGas": str(tx.safe_tx_gas),
            "baseGas": str(tx.base_gas),
            "gasPrice": str(tx.gas_price),
            "gasToken": tx.gas_token,
            "refundReceiver": tx.refund_receiver,
            "nonce": tx.nonce if tx.nonce < 2**53 else str(tx.nonce),
            "contractTransactionHash": safe_tx_hash(tx),
            "sender": sender,
            "signature": signature,
            "origin": ORIGIN,
        }
        self._give(f"/api/v2/safes/{tx.safe}/multisig-transactions/", body)

    def confirm(self, tx: SafeTx, signature: str) -> None:
        """One more signature for a transaction that it has."""
        self._give(f"/api/v1/multisig-transactions/{safe_tx_hash(tx)}/confirmations/", {"signature": signature})

    def _give(self, path: str, body: Mapping[str, Any]) -> None:
        answer = self._call("POST", path, json.dumps(body).encode())
        if not 200 <= answer.status < 300:
            raise ServiceRefusal(f"it answered {answer.status}")

    def _call(self, method: str, path: str, body: bytes = b"") -> Answer:
        left = self.seconds - (self.clock() - self.begun)
        if left < 1:
            raise ServiceTrouble("it is too slow: there was no time left for the rest")
        headers = {"Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/json"
        if self.key:
            remember(self.key)
            headers["Authorization"] = f"Bearer {self.key}"
        try:
            answer = request(
                method,
                self.url.rstrip("/") + path,
                headers=headers,
                body=body,
                timeout=min(self.each, left),
                max_bytes=MAX_ANSWER if method in READS else 100_000,
            )
        except OutgoingError as error:
            raise ServiceTrouble(error.message) from None
        _refuse_trouble(answer)
        return answer


def _refuse_trouble(answer: Answer) -> None:
    """What says something about the service or our key, and nothing about what was asked."""
    if answer.status == 429:
        raise ServiceTrouble("it asked us to call less often", _pause(answer.headers.get("retry-after", "")))
    if answer.status in (401, 403):
        raise ServiceTrouble("it does not take our API key" if answer.status == 401 else "it refuses us (403)")
    if answer.status >= 500 or answer.status < 200 or 300 <= answer.status < 400:
        raise ServiceTrouble(f"it answers {answer.status}")


def _pause(text: str) -> float:
    """Retry-After: seconds, or a date; kept within bounds, so that nobody silences us for good."""
    seconds = PAUSE
    if text.strip().isascii() and text.strip().isdigit():
        seconds = float(text.strip()[:9])
    elif text:
        try:
            seconds = (parsedate_to_datetime(text) - timezone.now()).total_seconds()
        except (TypeError, ValueError):
            seconds = PAUSE
    return min(max(seconds, LEAST_PAUSE), LONGEST_PAUSE)


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: whom a key is shown to."""
    return read_url(url).origin
