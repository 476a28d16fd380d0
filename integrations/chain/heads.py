"""Following a chain's head: every new block once, and every reorg with its depth.

`advance` is called again and again by the watcher; it reads first and writes in one short transaction afterwards.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from django.db import transaction

from integrations.chain.client import Client, Disagreement, RpcError, RpcRefused, client_for
from integrations.chain.models import Chain, Head
from integrations.chain.reading import Block
from integrations.chain.transactions.models import Transaction
from integrations.chain.transactions.services import KIND
from ledger.services import alarm, record
from work import wake

KEEP = 256
"""Recent heads that are remembered: deeper than any reorg that a chain with finality can have."""
AT_ONCE = 128


@dataclass(frozen=True, slots=True)
class NewHead:
    number: int
    hash: str
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class Reorg:
    """The blocks above `common` were replaced; `depth` of ours are gone."""

    common: int
    depth: int
    old_head: str


def advance(chain: Chain, client: Client | None = None) -> list[NewHead | Reorg]:
    """What is new since the last call, a reorg before the blocks that replace the old ones. RpcError when blind."""
    client = client or client_for(chain)
    latest = client.existing_block("latest")
    known = {head.number: head.hash for head in Head.objects.filter(chain=chain)}
    top = max(known, default=-1)
    common = _common(client, latest, known)
    if latest.number <= common:
        return []  # nothing new, or an endpoint that lags
    reorged = 0 <= top > common
    if reorged and not _agreed(client, common + 1, known):
        return []
    first = max(common + 1, latest.number - AT_ONCE + 1) if known else latest.number
    blocks = _between(client, first, latest)
    if not blocks or (common in known and first == common + 1 and blocks[0].parent_hash != known[common]):
        return []  # it moved under our hands: the next call sees one state
    if not _store(chain, top, known.get(top, ""), common, blocks):
        return []
    found: list[NewHead | Reorg] = [Reorg(common, top - common, known[top])] if reorged else []
    return [*found, *(NewHead(one.number, one.hash, _time(one)) for one in blocks)]


def newest(chain: Chain) -> Head | None:
    """The head that we have followed the chain to."""
    return Head.objects.filter(chain=chain).order_by("-number").first()


def _common(client: Client, latest: Block, known: dict[int, str]) -> int:
    """The highest block that we remember and that is still there; below all of them when none is."""
    if not known:
        return -1
    top, lowest = max(known), min(known)
    if latest.number < lowest:  # far behind everything we saw: one slow endpoint, or a chain that began anew
        heads = [head for head in client.everyone(lambda one: one.block_number()).values() if isinstance(head, int)]
        return latest.number - 1 if heads and max(heads) < lowest else top
    number = min(top, latest.number)
    while number >= lowest:
        there = latest.hash if number == latest.number else client.existing_block(number).hash
        if there == known[number]:
            return top if number == latest.number else number
        number -= 1
    return lowest - 1


def _agreed(client: Client, number: int, known: dict[int, str]) -> bool:
    """A reorg is believed when endpoints agree on it; one that is alone on its branch is not followed."""
    try:
        return client.agreed(lambda one: one.existing_block(number).hash) != known.get(number)
    except Disagreement:
        return False


def _between(client: Client, first: int, latest: Block) -> list[Block]:
    """The headers from `first` to `latest`, linked by their parents; none if they do not link."""
    answers = client.batch([("eth_getBlockByNumber", [hex(n), False]) for n in range(first, latest.number)])
    if any(answer is None or isinstance(answer, RpcRefused) for answer in answers):
        return []
    blocks = [*(Block.read(answer) for answer in answers), latest]
    linked = all(child.parent_hash == parent.hash for parent, child in pairwise(blocks))
    return blocks if linked else []


@transaction.atomic
def _store(chain: Chain, top: int, top_hash: str, common: int, blocks: list[Block]) -> bool:
    """False when somebody else has advanced it meanwhile."""
    Chain.objects.select_for_update().get(pk=chain.pk)
    now = Head.objects.filter(chain=chain).order_by("-number").values_list("number", "hash").first()
    if (now or (-1, "")) != (top, top_hash):
        return False
    if 0 <= top > common:
        _reorged(chain, common, top, top_hash, blocks)
    Head.objects.filter(chain=chain, number__gt=common).delete()
    # what is remembered has no holes: a reorg is found by walking down
    oldest = blocks[-1].number - KEEP if blocks[0].number == common + 1 else blocks[0].number - 1
    Head.objects.filter(chain=chain, number__lte=oldest).delete()
    Head.objects.bulk_create(
        Head(chain=chain, number=one.number, hash=one.hash, parent_hash=one.parent_hash, timestamp=_time(one))
        for one in blocks
    )
    return True


def _reorged(chain: Chain, common: int, top: int, top_hash: str, blocks: list[Block]) -> None:
    depth = top - common
    deep = depth >= chain.finality_depth
    raised = alarm(
        f"reorg:{chain.pk}:{common}",
        "SEV1" if deep else "SEV3",
        title=f"{chain.name}: {depth} blocks were replaced above {common}" + (", below finality" if deep else ""),
    )
    record(
        "head.reorged",
        actor="system:chain",
        subject=chain.subject,
        before={"number": top, "hash": top_hash},
        after={"depth": depth, "common": common, "number": blocks[-1].number, "hash": blocks[-1].hash},
        alarm=raised if deep or depth > chain.confirmations else None,
    )
    gone = Transaction.objects.filter(chain=chain, block_number__gt=common, is_final=False)
    for pk in gone.values_list("pk", flat=True):
        wake(KIND, str(pk))


def _time(block: Block) -> datetime:
    return datetime.fromtimestamp(block.timestamp, UTC)


__all__ = ["NewHead", "Reorg", "RpcError", "advance", "newest"]
