"""The "blockies" identicon that wallets draw for an address, as a grid of three colours.

The same picture as the wallet's own: a signer can compare the two at a glance. It helps the eye find a difference;
it proves nothing, since a look-alike can be searched for. The full address stands beside it.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import floor

SIZE = 8


def _int32(value: int) -> int:
    """JavaScript's signed 32-bit wrap-around, which the original relies on."""
    return (value + 0x80000000) % 0x100000000 - 0x80000000


class _Random:
    """The xorshift generator of the original, seeded with the lowercase address."""

    def __init__(self, seed: str) -> None:
        state = [0, 0, 0, 0]
        for i, char in enumerate(seed):
            state[i % 4] = _int32(_int32(state[i % 4]) << 5) - state[i % 4] + ord(char)
        self._state = state

    def next(self) -> float:
        first = _int32(self._state[0])
        t = _int32(first ^ _int32(first << 11))
        last = _int32(self._state[3])
        self._state = [*self._state[1:], _int32(last ^ (last >> 19) ^ t ^ (t >> 8))]
        return (self._state[3] % 0x100000000) / 0x80000000

    def colour(self) -> str:
        hue = floor(self.next() * 360)
        saturation = self.next() * 60 + 40
        lightness = (self.next() + self.next() + self.next() + self.next()) * 25
        return f"hsl({hue} {saturation:.1f}% {lightness:.1f}%)"


@dataclass(frozen=True)
class Blocky:
    """Background, then one SVG path for each of the two other colours."""

    background: str
    colour: str
    spot: str
    colour_path: str
    spot_path: str


@lru_cache(maxsize=4096)
def blocky(address: str) -> Blocky:
    """The picture of an address."""
    random = _Random(address.lower())
    colour, background, spot = random.colour(), random.colour(), random.colour()
    paths = {1: "", 2: ""}
    for y in range(SIZE):
        half = [floor(random.next() * 2.3) for _ in range(SIZE // 2)]
        for x, value in enumerate(half + half[::-1]):
            if value:
                paths[value] += f"M{x} {y}h1v1h-1z"
    return Blocky(background, colour, spot, paths[1], paths[2])
