"""The campaign's helper processes: started, told, heard and ended."""

import subprocess
import sys
from dataclasses import dataclass
from typing import IO

from tests.stack import ROOT


@dataclass
class Child:
    """A helper process that ends when its input does."""

    process: "subprocess.Popen[str]"

    @classmethod
    def start(cls, module: str, *arguments: str, env: dict[str, str], log: IO[bytes]) -> "Child":
        process = subprocess.Popen(
            [sys.executable, "-m", f"tests.crash.campaign.{module}", *arguments],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        return cls(process)

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def tell(self, word: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
