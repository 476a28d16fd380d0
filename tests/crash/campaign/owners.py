"""Safes, what is proposed to them, and their owners, who sign with keys that only this process has.

Each Safe lives through one story after the other (`stories.py`), a deed at a time: each deed may be tried again, since
the database may be gone at any moment, or an endpoint lie.
"""

import json
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, InterfaceError, transaction
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from governance.exchange.services import set_service
from governance.proposals import services
from governance.proposals.building import build, read_calls
from governance.proposals.counting import COLLECTING, EXECUTE, enqueue_execution
from governance.proposals.models import Confirmation, Proposal
from governance.safes.models import Safe
from governance.safes.services import register
from integrations.chain.errors import RpcError
from integrations.devnet.builder import burst
from integrations.devnet.deploy import deploy_safe_contracts
from integrations.devnet.rpc import Rpc
from integrations.devnet.safe_contracts import VERSIONS
from integrations.devnet.safes import DemoSafe
from integrations.safe.hashes import SafeTx, safe_tx_hash
from ledger import Invalid, Refused, StaleTransition
from tests.crash.campaign.lies import Lies
from tests.crash.campaign.nonsense import Nonsense
from work.models import Work

if TYPE_CHECKING:
    from tests.crash.campaign.stage import Stage

Call = dict[str, str]
Deed = Callable[[], bool]
ACTOR = "system:campaign"
OVER = ("executed", "rejected", "superseded", "failed")
PASSES = (DatabaseError, InterfaceError, RpcError, Refused, Invalid, StaleTransition)
"""A store or an endpoint that is broken at this moment: the deed is done again. What never passes ends no story."""


@dataclass
class Offer:
    """One transaction of a Safe. `must`: once, never, or either, if it has a rival of which only one can be."""

    tx: SafeTx
    calls: list[Call]
    keys: list[int]
    must: str = "once"
    auto: bool = True
    pk: int = 0

    @property
    def hash(self) -> str:
        return safe_tx_hash(self.tx)

    @property
    def row(self) -> Proposal:
        return Proposal.objects.select_related("safe__chain", "scope", "transaction").get(pk=self.pk)


@dataclass
class Story:
    number: int
    kind: str
    offers: list[Offer] = field(default_factory=list)
    deeds: deque[Deed] = field(default_factory=deque)
    hindrance: str = ""


@dataclass
class Owned:
    """A Safe and who owns it: all keys but the one of `out`, which changes places with its neighbour."""

    safe: Safe
    pair: tuple[int, int]
    story: Story | None = None


@dataclass
class Owners:
    rpc: Rpc
    tally: str
    orders: Path
    lies: Lies
    service: Nonsense
    keys: Sequence[LocalAccount]
    safes: list[Owned]
    kinds: Sequence[str]
    dice: random.Random
    stories: list[Story] = field(default_factory=list)
    deck: list[str] = field(default_factory=list)

    @property
    def open(self) -> int:
        return sum(owned.story is not None for owned in self.safes)

    @property
    def told_all(self) -> bool:
        """Every kind of story has begun, if there are Safes."""
        return not self.safes or len(self.stories) >= len(self.kinds)

    def begin(self) -> None:
        """The next story, wherever one has ended; every kind comes before any comes again."""
        from tests.crash.campaign import stories

        for owned in self.safes:
            if owned.story is not None:
                continue
            if not self.deck:
                self.deck = self.dice.sample(list(self.kinds), len(self.kinds))
            story = Story(len(self.stories) + 1, self.deck.pop())
            stories.KINDS[story.kind](self, owned, story)
            lines = [{"hash": one.hash, "keys": one.keys, "must": one.must} for one in story.offers]
            self.write({"story": story.number, "kind": story.kind, "safe": owned.safe.address, "offers": lines})
            owned.story = story
            self.stories.append(story)

    def act(self) -> None:
        """The next deed of every story."""
        for owned in self.safes:
            story = owned.story
            if story is None:
                continue
            try:
                if story.deeds[0]():
                    story.deeds.popleft()
            except PASSES as error:
                story.hindrance = f"{type(error).__name__}: {error}"
            if not story.deeds:
                owned.story = None

    def write(self, line: dict[str, Any]) -> None:
        with self.orders.open("a") as out:
            out.write(json.dumps(line) + "\n")

    # --- what a story is made of

    def count(self, story: Story, place: int) -> tuple[Call, int]:
        """A call that the tally counts, and under which number."""
        key = 10_000_000 + story.number * 10 + place
        data = keccak(text="count(uint256)")[:4] + key.to_bytes(32)
        return {"to": self.tally, "value": "0", "data": "0x" + data.hex()}, key

    def offer(self, owned: Owned, story: Story, calls: list[Call], *, ahead: int = 0, **more: Any) -> Offer:
        safe = owned.safe
        built = build(read_calls(calls), version=safe.version)
        nonce = int.from_bytes(self.rpc.call(safe.address, keccak(text="nonce()")[:4])) + ahead
        tx = SafeTx(
            chain_id=safe.chain.chain_id,
            safe=safe.address,
            version=safe.version,
            to=built.to,
            value=built.value,
            data=built.data,
            operation=built.operation,
            nonce=nonce,
        )
        story.offers.append(made := Offer(tx, calls, **{"keys": [], **more}))
        return made

    def signers(self, owned: Owned) -> list[LocalAccount]:
        """As the chain has them, in its order."""
        raw = self.rpc.call(owned.safe.address, keccak(text="getOwners()")[:4])
        words = [raw[at : at + 32] for at in range(64, len(raw), 32)]
        by_address = {bytes.fromhex(key.address[2:]): key for key in self.keys}
        return [by_address[word[12:]] for word in words]

    # --- deeds

    def propose(self, owned: Owned, story: Story, offer: Offer) -> Deed:
        return partial(self._propose, owned, story, offer)

    def _propose(self, owned: Owned, story: Story, offer: Offer) -> bool:
        known = Proposal.objects.filter(safe_tx_hash=offer.hash).first()
        offer.pk = (
            known
            or services.propose(
                safe=owned.safe,
                calls=offer.calls,
                title=f"Story {story.number}: {story.kind}",
                actor=ACTOR,
                nonce=offer.tx.nonce,
                auto_execute=offer.auto,
            )
        ).pk
        return True


def sign(offer: Offer, *keys: LocalAccount) -> Iterator[Deed]:
    return (partial(_sign, offer, key) for key in keys)


def _sign(offer: Offer, key: LocalAccount) -> bool:
    """Over the hash that this process computed, whatever the server says."""
    row = offer.row
    if row.status in COLLECTING and not Confirmation.objects.filter(proposal=row, owner=key.address).exists():
        services.confirm(proposal=row, signature=bytes(key.unsafe_sign_hash(offer.hash).signature), actor=ACTOR)
    return True


def ask(offer: Offer) -> bool:
    """For its execution."""
    services.execute(proposal=offer.row, actor=ACTOR)
    return True


@transaction.atomic
def forge(offer: Offer) -> bool:
    """Somebody with a database shell: it is ready, says the row, and the work is there."""
    row = Proposal.objects.select_for_update().get(pk=offer.pk)
    Proposal.objects.filter(pk=row.pk).update(status="ready", auto_execute=True)
    enqueue_execution(row, ACTOR)
    return True


@transaction.atomic
def alter(offer: Offer, calls: list[Call], *, hash_too: bool) -> bool:
    """The same: other calls under the owners' signatures."""
    row = Proposal.objects.select_for_update().select_related("safe").get(pk=offer.pk)
    built = build(read_calls(calls), version=offer.tx.version)
    changes: dict[str, Any] = {"to": built.to, "data": built.data, "calls": [c.model_dump() for c in read_calls(calls)]}
    row.data, row.to = built.data, built.to
    if hash_too:
        changes["safe_tx_hash"] = safe_tx_hash(row.safe_tx)
    Proposal.objects.filter(pk=row.pk).update(**changes)
    return True


def withdraw(owners: Owners, offer: Offer) -> bool:
    """In a race with its execution; who was faster is written down for the judge."""
    row = offer.row
    if row.status in COLLECTING:
        services.withdraw(proposal=row, actor=ACTOR, reason="the campaign thought again")
        row = offer.row
    if row.status not in OVER and row.status != "executing":
        return False
    offer.must = "never" if row.status == "rejected" else "once"
    owners.write({"decided": offer.hash, "must": offer.must})
    return True


def give_up(offer: Offer) -> bool:
    """What was stopped is put away, so that its nonce is free again."""
    row = offer.row
    if row.status in COLLECTING:
        services.withdraw(proposal=row, actor=ACTOR, reason="it was stopped")
    return True


def final(*offers: Offer) -> bool:
    """Each has come to its end, and none of its transactions can be undone any more: of two rivals the slower one may
    have been refused by the endpoint, since it would have failed."""
    return all(
        row.status in OVER
        and (row.transaction is None or row.transaction.is_final or row.transaction.status == "refused")
        for row in (offer.row for offer in offers)
    )


def decided(offer: Offer) -> bool:
    """Its execution was looked at and stopped."""
    row = offer.row
    tried = Work.objects.filter(kind=EXECUTE, subject=row.subject)
    return (
        row.status in ("signing", "failed", "rejected")
        and tried.exists()
        and not tried.exclude(ended_at__isnull=False).exists()
    )


def set_up(stage: "Stage", rpc: Rpc, lies: Lies, service: Nonsense, count: int, dice: random.Random) -> Owners:
    """Safes 2 of 3 of every version, each without one of the four keys."""
    from tests.crash.campaign.stories import KINDS

    keys: list[LocalAccount] = [Account.create() for _ in range(4)]
    made = []
    if not count:
        return Owners(rpc, stage.tally, stage.orders, lies, service, keys, [], list(KINDS), dice)
    with burst(rpc, block_seconds=int(stage.chain.block_time)) as builder:
        deploy_safe_contracts(builder)
        for number in range(count):
            pair = (number % len(keys), (number + 1) % len(keys))
            addresses = tuple(key.address for place, key in enumerate(keys) if place != pair[0])
            safe = DemoSafe("campaign", "Safe", VERSIONS[number % 3], False, addresses, 2, 4_000 + number)
            safe.create(builder)
            made.append((safe.address, pair))
        builder.flush()
    safes = [
        Owned(
            register(chain=stage.chain, address=address, label=f"Safe {n}", actor=ACTOR, protocol=stage.protocol), pair
        )
        for n, (address, pair) in enumerate(made)
    ]
    set_service(chain=stage.chain, url=service.url, actor=ACTOR)
    lies.keys, lies.safes = [key.address for key in keys], [address for address, _ in made]
    return Owners(rpc, stage.tally, stage.orders, lies, service, keys, safes, list(KINDS), dice)
