"""The wall between earnest and exercise: nothing made in a drill is worth anything on a live chain.

Every devnet and fork has a chain id of its own and executors of its own; a live chain cannot be reached from a drill.
"""

from typing import Any

from ledger.errors import Invalid, Refused

# fmt: off
LIVE_CHAIN_IDS = frozenset((
    1, 10, 14, 25, 30, 56, 100, 122, 130, 137, 146, 169, 204, 250, 252, 288, 324, 480, 1088, 1101, 1135, 1284, 1329,
    2222, 4326, 5000, 7777777, 8217, 8453, 33139, 34443, 42161, 42170, 42220, 43114, 57073, 59144, 60808, 80094,
    81457, 167000, 534352, 1313161554,
))
# fmt: on
"""Chains on which things are worth something; no devnet and no fork may carry one of these ids."""
LIVE, DRILL, DEVNET = "live", "drill", "devnet"
_ALLOWED = {"live": {LIVE}, "devnet": {DEVNET, DRILL}, "fork": {DRILL}}


def check_chain(chain_id: int, kind: str) -> None:
    """A devnet or fork under a live chain's id would make signatures that hold there."""
    if kind != LIVE and chain_id in LIVE_CHAIN_IDS:
        raise Invalid("chain_id", f"{chain_id} is a live chain's id.", "an id that no live chain has")


def refuse_live_chain(chain: Any, environment: str | None) -> None:
    """From a drill, a rehearsal or a devnet run no live endpoint is reached."""
    if environment not in (None, "", LIVE) and chain.kind == LIVE:
        raise Refused(f"{chain.name} is a live chain: it cannot be reached from a {environment}.", code="live-chain")


def check_signing(*, chain_id: int, kind: str, environment: str) -> None:
    """Before anything is signed: executor and chain are of the same world."""
    check_chain(chain_id, kind)
    if environment not in _ALLOWED.get(kind, set()):
        raise Refused(f"An executor of the {environment} world does not sign for a {kind} chain.", code="other-world")
