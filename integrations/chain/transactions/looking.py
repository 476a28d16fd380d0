"""Where a transaction stands, as each endpoint sees it, and what may be believed of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from integrations.chain.client import Client, RpcError, RpcRefused, RpcUnavailable
from integrations.chain.reading import Receipt, quantity
from integrations.chain.transactions.models import Transaction


@dataclass(frozen=True, slots=True)
class View:
    """One endpoint's: its head, the executor's nonce there, our receipts, and whether it knows our newest bytes."""

    head: int
    nonce: int
    receipt: Receipt | None
    knows: bool


@dataclass(frozen=True, slots=True)
class Look:
    """All endpoints' together. `configured`: how many could have answered."""

    views: Mapping[str, View]
    configured: int

    @property
    def receipt(self) -> Receipt | None:
        """The receipt that nobody who could know better contradicts."""
        found = [view.receipt for view in self.views.values() if view.receipt is not None]
        return found[0] if found and not self.disputed else None

    @property
    def disputed(self) -> bool:
        """Endpoints that have reached the same height tell different stories."""
        found = [view.receipt for view in self.views.values() if view.receipt is not None]
        if not found:
            return False
        if len({(one.tx_hash, one.block_hash, one.succeeded) for one in found}) > 1:
            return True
        return any(view.receipt is None and view.head >= found[0].block_number for view in self.views.values())

    def confirmations(self) -> int:
        """Blocks on top, with its own, as the least advanced endpoint with the receipt counts them."""
        depths = [view.head - view.receipt.block_number + 1 for view in self.views.values() if view.receipt is not None]
        return min(depths, default=0)

    @property
    def voices(self) -> int:
        return sum(view.receipt is not None for view in self.views.values())

    @property
    def height(self) -> int:
        """The head as far as two endpoints (or the only one that answers) have come."""
        heads = sorted((view.head for view in self.views.values()), reverse=True)
        return heads[min(1, len(heads) - 1)]

    @property
    def knows(self) -> bool:
        """Whether every endpoint that answers has our bytes: one without them may lose the others'."""
        return all(view.knows for view in self.views.values())

    def reached(self, block_number: int) -> bool:
        """Whether every endpoint that answers is at this height at least: an absence there means something."""
        return all(view.head >= block_number for view in self.views.values())

    def nonce_passed(self, nonce: int) -> bool:
        return all(view.nonce > nonce for view in self.views.values())


def look(client: Client, tx: Transaction, hashes: Sequence[str]) -> Look:
    """Asks every endpoint; RpcUnavailable when none answers."""
    said = client.everyone(lambda one: _view(one, tx.executor.address, hashes))
    views = {name: answer for name, answer in said.items() if isinstance(answer, View)}
    if not views:
        raise RpcUnavailable(
            f"No endpoint of chain {client.chain_id} answers.", {name: str(answer) for name, answer in said.items()}
        )
    return Look(views, len(client.names))


def _view(client: Client, address: str, hashes: Sequence[str]) -> View:
    answers = client.batch(
        [
            ("eth_blockNumber", []),
            ("eth_getTransactionCount", [address, "latest"]),
            ("eth_getTransactionByHash", [hashes[-1]]),
            *(("eth_getTransactionReceipt", [one]) for one in hashes),
        ]
    )
    for answer in answers:
        if isinstance(answer, RpcRefused):
            raise RpcUnavailable(f"refused to look: {answer.message}")
    receipts = [Receipt.read(raw) for raw in answers[3:] if raw is not None]
    return View(
        head=quantity(answers[0]),
        nonce=quantity(answers[1]),
        receipt=receipts[0] if receipts else None,
        knows=answers[2] is not None or bool(receipts),
    )


def executor_nonce(client: Client, address: str, block: str = "latest") -> int:
    """The next nonce as far as two endpoints (or the only one that answers) have come."""
    said = client.everyone(lambda one: one.nonce(address, block))
    values = sorted((value for value in said.values() if isinstance(value, int)), reverse=True)
    if not values:
        raise RpcUnavailable(
            f"No endpoint of chain {client.chain_id} answers.", {name: str(answer) for name, answer in said.items()}
        )
    return values[min(1, len(values) - 1)]


def find_foreign(client: Client, address: str, nonce: int, depth: int = 4096) -> dict[str, object] | None:
    """The transaction that took a nonce, found by where the account's nonce passed it; None when it cannot be seen."""
    try:
        high = client.block_number()
        low = max(0, high - depth)
        if client.nonce(address, low) > nonce:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            if client.nonce(address, middle) > nonce:
                high = middle
            else:
                low = middle
        raw = client.request("eth_getBlockByNumber", hex(high), True)
    except RpcError:
        return None
    for one in (raw or {}).get("transactions", ()):
        if one.get("from", "").lower() == address.lower() and int(one.get("nonce", "0x0"), 16) == nonce:
            return {"hash": one["hash"], "block": high, "to": one.get("to"), "value": str(int(one["value"], 16))}
    return None
