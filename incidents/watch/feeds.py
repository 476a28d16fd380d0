"""What a Chainlink-compatible price feed says."""

from dataclasses import dataclass

from incidents.watch.asking import Read, signed, words
from integrations.chain.abi import encode_call

LATEST = encode_call(
    "latestRoundData() view returns (uint80 round, int256 answer, uint256 started, uint256 updated, uint80 answered)"
)


@dataclass(frozen=True, slots=True)
class Round:
    """The latest answer, in the feed's own decimals."""

    round_id: int
    answer: int
    updated: int


def latest(feed: str) -> Read:
    return Read(feed, LATEST)


def read_round(raw: bytes | None) -> Round | None:
    """None where this is not the answer of a price feed."""
    found = words(raw, 5)
    if found is None or found[0] >> 80 or found[3] >> 64:
        return None
    return Round(found[0], signed(found[1]), found[3])
