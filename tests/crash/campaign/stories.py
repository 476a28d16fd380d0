"""What may happen to a proposal, as short stories: each says what must have become of it on the chain in the end.

`once`: its owners wanted it to the end. `never`: too few of its present owners did, or it is not what they signed, or
it was withdrawn before it was on its way. `either`: two at one nonce, of which the Safe takes one.
"""

from collections.abc import Callable
from functools import partial

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.crash.campaign.owners import (
    Call,
    Offer,
    Owned,
    Owners,
    Story,
    alter,
    ask,
    decided,
    final,
    forge,
    give_up,
    sign,
    withdraw,
)

SENTINEL = "0x" + "0" * 39 + "1"


def plain(owners: Owners, owned: Owned, story: Story) -> None:
    call, key = owners.count(story, 1)
    offer = owners.offer(owned, story, [call], keys=[key])
    a, b, _ = owners.signers(owned)
    story.deeds += [owners.propose(owned, story, offer), *sign(offer, a, b), partial(final, offer)]


def batch(owners: Owners, owned: Owned, story: Story) -> None:
    calls, keys = zip(*(owners.count(story, place) for place in (1, 2, 3)), strict=True)
    offer = owners.offer(owned, story, list(calls), keys=list(keys), auto=False)
    a, b, c = owners.signers(owned)
    story.deeds += [owners.propose(owned, story, offer), *sign(offer, c, b, a), partial(ask, offer)]
    story.deeds.append(partial(final, offer))


def rivals(owners: Owners, owned: Owned, story: Story) -> None:
    """A call and its rejection, both signed by enough."""
    call, key = owners.count(story, 1)
    nothing = {"to": owned.safe.address, "value": "0", "data": "0x"}
    offer = owners.offer(owned, story, [call], keys=[key], must="either")
    rejection = owners.offer(owned, story, [nothing], must="either")
    a, b, c = owners.signers(owned)
    story.deeds += [owners.propose(owned, story, one) for one in (offer, rejection)]
    story.deeds += [*sign(rejection, b), *sign(offer, a, c), *sign(rejection, c), partial(final, offer, rejection)]


def withdrawn(owners: Owners, owned: Owned, story: Story) -> None:
    """While its execution begins."""
    call, key = owners.count(story, 1)
    offer = owners.offer(owned, story, [call], keys=[key], must="undecided")
    a, b, _ = owners.signers(owned)
    story.deeds += [owners.propose(owned, story, offer), *sign(offer, a, b), partial(withdraw, owners, offer)]
    story.deeds.append(partial(final, offer))


def removed(owners: Owners, owned: Owned, story: Story) -> None:
    """Enough have signed, and wait for their turn; then one of them is no owner any more, and an endpoint denies it.

    In the end the database says that it is ready all the same.
    """
    present = owners.signers(owned)
    first, second = (owners.keys[place] for place in owned.pair)
    gone, comes = (first, second) if first in present else (second, first)
    a, b = (one for one in present if one is not gone)
    swap = owners.offer(owned, story, [_swap(owned, present.index(gone), [o.address for o in present], comes.address)])
    call, key = owners.count(story, 1)
    offer = owners.offer(owned, story, [call], keys=[key], must="never", ahead=1)
    story.deeds += [owners.propose(owned, story, one) for one in (offer, swap)]
    story.deeds += [*sign(offer, gone, a), *sign(swap, a, b), partial(_lie, owners, owned, "owners")]
    story.deeds += [partial(final, swap), partial(_signing, offer), partial(_lie, owners, owned, "owners")]
    story.deeds += [partial(forge, offer), partial(decided, offer), partial(give_up, offer)]


def too_few(owners: Owners, owned: Owned, story: Story) -> None:
    """One signature; the database says that it is ready, and an endpoint that one is enough."""
    call, key = owners.count(story, 1)
    offer = owners.offer(owned, story, [call], keys=[key], must="never", auto=False)
    story.deeds += [owners.propose(owned, story, offer), *sign(offer, owners.signers(owned)[0])]
    story.deeds += [partial(_lie, owners, owned, "threshold"), partial(forge, offer), partial(decided, offer)]
    story.deeds.append(partial(give_up, offer))


def altered(owners: Owners, owned: Owned, story: Story) -> None:
    """Signed by enough, and then another call stands in the row, with or without its hash."""
    (call, key), (other, wrong) = owners.count(story, 1), owners.count(story, 2)
    offer = owners.offer(owned, story, [call], keys=[key, wrong], must="never", auto=False)
    a, b, _ = owners.signers(owned)
    story.deeds += [owners.propose(owned, story, offer), *sign(offer, a, b)]
    story.deeds += [partial(alter, offer, [other], hash_too=owners.dice.random() < 0.5), partial(ask, offer)]
    story.deeds += [partial(decided, offer), partial(give_up, offer)]


def _swap(owned: Owned, place: int, present: list[str], comes: str) -> Call:
    before = present[place - 1] if place else SENTINEL
    data = keccak(text="swapOwner(address,address,address)")[:4]
    data += encode(["address"] * 3, [before, present[place], comes])
    return {"to": owned.safe.address, "value": "0", "data": "0x" + data.hex()}


def _signing(offer: Offer) -> bool:
    return offer.row.status == "signing"


def _lie(owners: Owners, owned: Owned, about: str) -> bool:
    getattr(owners.lies, about)(owned.safe.address)
    return True


KINDS: dict[str, Callable[[Owners, Owned, Story], None]] = {
    "plain": plain,
    "batch": batch,
    "rivals": rivals,
    "withdrawn": withdrawn,
    "removed": removed,
    "too few": too_few,
    "altered": altered,
}
