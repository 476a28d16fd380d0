"""Every line with the name of its process in front; coloured on a terminal."""

import asyncio
import os
import sys

COLOURS = ("36", "33", "32", "35", "34", "96", "93", "92", "95", "94")
LONGEST = 16_384  # bytes of one line; a longer one is broken


class Output:
    def __init__(self) -> None:
        self.coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.width = 8
        self.closed = asyncio.Event()  # whoever read our output has gone
        self.numbers: dict[str, int] = {}

    def say(self, name: str, line: str) -> None:
        prefix = f"{name:<{self.width}} |"
        if self.coloured:
            number = self.numbers.setdefault(name, len(self.numbers))
            prefix = f"\x1b[{COLOURS[number % len(COLOURS)]}m{prefix}\x1b[0m"
        self.plain(f"{prefix} {line}")

    def plain(self, text: str) -> None:
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except (OSError, ValueError):
            self.closed.set()

    async def pump(self, name: str, stream: asyncio.StreamReader) -> None:
        """Passes a child's output on until it closes; never lets a long line stop it."""
        rest = b""
        while chunk := await stream.read(65_536):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self.say(name, line.decode(errors="replace").rstrip("\r"))
        if rest:
            self.say(name, rest.decode(errors="replace"))
