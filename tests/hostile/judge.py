"""Who was robbed: read from the chain alone, before and after."""

from collections.abc import Callable
from typing import Any

from tests.hostile.stage import ETHER, USD, Stage

HELD = ("treasury", "old", "new", "child", "till", "purse", "diamond", "oldproxy", "managed", "beaconed", "vault")


class Judge:
    """Looks before, then says what the thief has that was ours."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.before = {name: self._reading(name) for name in ("ether", "usd", "note")}

    def _reading(self, what: str) -> tuple[int, int]:
        """What the thief has, and what we have."""
        stage = self.stage
        if what == "ether":
            have = lambda who: int(stage.rpc("eth_getBalance", who, "latest"), 16)  # noqa: E731
        else:
            have = lambda who: stage.ask(stage.at[what], "balanceOf(address)", who, returns="uint256")  # noqa: E731
        return have(stage.thief_address), sum(have(stage.at[name]) for name in HELD)

    def took(self, what: str) -> bool:
        return bool(JUDGES[what](self))

    def gained(self, what: str, least: int) -> bool:
        (thief, ours), (thief_now, ours_now) = self.before[what], self._reading(what)
        return thief_now - thief >= least and ours - ours_now >= least

    def printed(self) -> bool:
        """Money out of nothing: everybody who holds it pays."""
        return self._reading("usd")[0] - self.before["usd"][0] >= 1_000_000 * USD

    def deed(self) -> bool:
        return bool(self.stage.ask(self.stage.deed, "ownerOf(uint256)", 7, returns="address") == self._thief())

    def ransom(self) -> bool:
        """The owners can do nothing any more: not even an empty call to itself, signed by enough of them."""
        stage = self.stage
        return not stage.force(stage.safe_tx(stage.call(stage.treasury)))

    def frozen(self) -> bool:
        """The vault cannot be paused any more by those who count on it."""
        stage = self.stage
        return not stage.force(stage.safe_tx(stage.call(stage.vault, "pause()")))

    def _thief(self) -> str:
        return self.stage.thief_address.lower()


JUDGES: dict[str, Callable[[Judge], Any]] = {
    "ether": lambda judge: judge.gained("ether", ETHER),
    "usd": lambda judge: judge.gained("usd", 1_000 * USD),
    "note": lambda judge: judge.gained("note", 1_000),
    "printed money": Judge.printed,
    "deed": Judge.deed,
    "ransom": Judge.ransom,
    "no pause": Judge.frozen,
}
