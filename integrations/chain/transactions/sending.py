"""What nodes say to our bytes, in the few kinds that make a difference."""

from collections.abc import Mapping

from integrations.chain.client import RpcError, RpcRefused

ACCEPTED, TOO_LOW, OTHER_WAITS, NO_FUNDS, UNDERPRICED, INVALID, SILENT = (
    "accepted",
    "nonce too low",
    "another transaction waits at this nonce",
    "too little ether",
    "fee too low",
    "never valid",
    "no clear answer",
)
_WORDS = (
    (ACCEPTED, ("already known", "already imported", "known transaction", "already exists", "alreadyknown")),
    (TOO_LOW, ("nonce too low", "nonce is too low", "invalid nonce", "old nonce", "oldnonce")),
    (
        OTHER_WAITS,
        ("replacement transaction underpriced", "could not replace", "replacementnotallowed", "replace exist"),
    ),
    (NO_FUNDS, ("insufficient funds", "insufficient balance", "not enough funds")),
    (UNDERPRICED, ("underpriced", "fee too low", "less than block base fee", "feetoolow", "max fee per gas less than")),
)
_NEVER = (
    "intrinsic gas",
    "gas limit",
    "invalid sender",
    "chain id",
    "oversized",
    "type not supported",
    "initcode",
    "exceeds transaction gas",
    "gas required exceeds",
    "rlp",
)
"""Such bytes will not be taken tomorrow either; anything else a node says may pass."""
_ORDER = (ACCEPTED, TOO_LOW, OTHER_WAITS, UNDERPRICED, NO_FUNDS, SILENT, INVALID)


def kind_of(answer: str | RpcError) -> str:
    """The kind of one endpoint's answer."""
    if isinstance(answer, str):
        return ACCEPTED
    if not isinstance(answer, RpcRefused):
        return SILENT  # it may have taken the bytes all the same
    words = answer.message.lower()
    for kind, phrases in (*_WORDS, (INVALID, _NEVER)):
        if any(phrase in words for phrase in phrases):
            return kind
    return SILENT


def verdict(answers: Mapping[str, str | RpcError]) -> str:
    """What all of them together mean: one that took it is enough; one that is silent may have taken it."""
    kinds = {kind_of(answer) for answer in answers.values()}
    return next((kind for kind in _ORDER if kind in kinds), SILENT)


def spoken(answers: Mapping[str, str | RpcError]) -> dict[str, str]:
    """For people and the record."""
    return {
        name: "accepted" if isinstance(answer, str) else f"{kind_of(answer)}: {answer}"[:300]
        for name, answer in answers.items()
    }
