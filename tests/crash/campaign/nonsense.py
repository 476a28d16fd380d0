"""The chain's Safe Transaction Service, as the campaign has it: it takes what it is given, and says whatever it likes.

It has no owner's key. It has every signature that it was given, and tries what can be done with those: under other
transactions, twice in another form, with hashes that are not the fields', with approvals that nobody gave.
"""

import random
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from integrations.devnet.chain import CHAIN_ID
from integrations.safe.hashes import SafeTx
from integrations.safe.service_answers import read_entry
from integrations.safe.signatures import approved
from ledger import Invalid
from tests.receiver import Behaviour, Received, answer, hang_up, raw, receiver
from tests.safe_service import FakeService, entry_of

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SHARE = 0.25
"""Of answers that make no sense as a whole; the others are a list, with lies in it."""
STRANGER = "0x000000000000000000000000000000000000bEEF"
MOST = 20

WHOLE: dict[str, Behaviour] = {
    "a page for browsers": answer(200, b"<html><body>Please enable JavaScript</body></html>"),
    "another shape": answer(200, {"results": {"0": None}, "next": 7}),
    "a list of nothing that it should be": answer(200, {"results": [7, None, [], {"safe": 5}, "0x"], "next": "x"}),
    "a failure": answer(500, {"detail": "Traceback"}),
    "that we call too often": answer(429, b"", {"Retry-After": "1"}),
    "that somebody else knows": answer(302, b"", {"Location": "http://169.254.169.254/"}),
    "half of an answer": raw(b'HTTP/1.1 200 Said\r\nContent-Length: 99999\r\n\r\n{"results": ['),
    "nothing": hang_up,
}


@dataclass
class Nonsense(FakeService):
    """What it answered is counted in `told`."""

    dice: random.Random = field(default_factory=random.Random)
    told: Counter[str] = field(default_factory=Counter)

    @property
    def place(self) -> str:
        return self.there.place

    def serve(self, connection: socket.socket, got: Received) -> None:
        truly = self._answer(got)  # what is given is kept, whatever is said of it
        if self.dice.random() < SHARE:
            name = self.dice.choice(list(WHOLE))
            self.told[name] += 1
            truly = WHOLE[name]
        truly(connection, got)

    def _list(self, safe: str, query: dict[str, list[str]]) -> Behaviour:
        """A page of what it was given, and of what it makes of that."""
        least = int(query["nonce__gte"][0])
        kept = [one for one in list(self.entries.values()) if one["safe"] == safe and int(one["nonce"]) >= least]
        lies = [lie for one in kept for lie in self._made_of(one)]
        page = self.dice.sample(lies, min(len(lies), MOST - min(len(kept), MOST))) + kept[:MOST]
        self.told.update(lie["origin"] for lie in page if lie.get("origin") in LIES)
        self.dice.shuffle(page)
        return answer(200, {"count": 10**9, "next": None, "previous": None, "results": page})

    def _made_of(self, entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
        given = [str(one["signature"]) for one in entry["confirmations"]]
        yield {**entry, "to": STRANGER, "origin": LIES[0]}
        yield {**entry, "operation": 1, "isExecuted": "yes", "value": True, "origin": LIES[1]}
        tx = _read(entry)
        if tx is None:
            return
        other = SafeTx(tx.chain_id, tx.safe, tx.version, to=STRANGER, value=1, nonce=tx.nonce)
        yield entry_of(other, *given, origin=LIES[2])
        yield entry_of(tx, *given, *(again for one in given if (again := twin(one))), origin=LIES[3])
        owners = [one["owner"] for one in entry["confirmations"] if one["owner"]]
        yield entry_of(tx, *(approved(owner).hex for owner in [*owners, STRANGER, tx.safe]), origin=LIES[4])
        yield entry_of(other, *(approved(owner).hex for owner in owners), origin=LIES[4])


LIES = (
    "other fields under a hash",
    "fields that are none",
    "a transaction that nobody signed, with signatures of another",
    "each signature twice, in its other form",
    "approvals that nobody gave",
)


def twin(signature: str) -> str:
    """The same signature with the other s: valid for whoever recovers it, and the same owner's."""
    bare = bytes.fromhex(signature[2:])
    if len(bare) != 65 or bare[64] not in (27, 28):
        return ""
    return "0x" + (bare[:32] + (ORDER - int.from_bytes(bare[32:64])).to_bytes(32) + bytes([55 - bare[64]])).hex()


def _read(entry: dict[str, Any]) -> SafeTx | None:
    """What it was given, as a transaction; all versions that we follow hash alike."""
    try:
        return read_entry(entry, SafeTx(CHAIN_ID, entry["safe"], "1.4.1", to=entry["safe"])).tx
    except Invalid:
        return None


@contextmanager
def nonsense(dice: random.Random) -> Iterator[Nonsense]:
    with receiver() as there:
        made = Nonsense(there, dice=dice)
        there.otherwise = made.serve
        yield made
