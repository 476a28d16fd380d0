"""The senders: `python -m tests.crash.campaign.alarms.senders FOLDER URL RATE SECONDS SEED`, a process of their own.

Each is a program that sends one thing after another at its times, and whatever was not answered with 2xx again, the
same bytes, until it is. So what it says of one alert arrives in its order, as from any sender that keeps a queue. A
sender that fell behind while nobody answered sends what is due without a pause.

FOLDER/world.json holds the keys; FOLDER/sends.jsonl gets a line for each payload once it was answered with 2xx, and at
the end for each that never was. `stop` on standard input ends the trying.
"""

import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.crash.campaign.alarms.formats import Said, digest, groups, payload

PATIENCE = 10.0
"""Seconds that a sender waits for an answer: what Alertmanager does by itself."""
MODES = ("stale-price", "bad-debt", "bridge-halt")
# What comes next, by weight. What cannot be (nothing fires yet) is `new`.
NEXT = {"grave": 12, "mode": 12, "new": 90, "resolve": 70, "back": 30, "acknowledge": 10, "graver": 3, "again": 800}
MOST = 40
"""Alerts of one sender that fire at the same time, about."""


@dataclass
class Notes:
    """One line a payload, whole at the moment it is written."""

    path: Path
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, line: dict[str, Any]) -> None:
        with self.lock, self.path.open("a") as out:
            out.write(json.dumps(line) + "\n")


@dataclass
class Sender:
    """One inbound key in the hands of one program, with its own alerts."""

    number: int
    key: int
    format: str
    secret: str
    place: str
    dice: random.Random
    notes: Notes
    stopped: threading.Event
    firing: dict[str, Said] = field(default_factory=dict)
    over: list[Said] = field(default_factory=list)
    made: int = 0
    sent: int = 0
    link: http.client.HTTPConnection | None = None

    def run(self, first: float, pause: float, end: float) -> None:
        due = first
        while due < end and not self.stopped.is_set():
            time.sleep(max(0.0, due - time.time()))
            self.send(self._next())
            due += pause

    def send(self, said: Sequence[Said]) -> None:
        """Until it is taken."""
        self.sent += 1
        path, body = payload(self.format, self.secret, said, self.number * 1_000_000 + self.sent)
        line: dict[str, Any] = {"sender": self.number, "n": self.sent, "at": time.time(), "tries": 0, "accepted": None}
        line |= {"digest": digest(body), "inbound": self.key, "format": self.format}
        line["said"] = [one.line(self.key, self.format) for one in said]
        refused: Counter[str] = Counter()
        while line["accepted"] is None and not self.stopped.is_set():
            line["tries"] += 1
            answer = self._post(path, body)
            if answer.startswith("2"):
                line |= {"accepted": time.time(), "status": answer}
            else:
                refused[answer] += 1
                time.sleep(min(1.0, 0.05 * 2 ** min(line["tries"], 5)) * self.dice.uniform(0.5, 1))
        self.notes.write({**line, "refused": dict(refused)})

    def _post(self, path: str, body: bytes) -> str:
        """The status, or in a word why there is none."""
        self.link = self.link or http.client.HTTPConnection(self.place, timeout=PATIENCE)
        try:
            self.link.request("POST", path, body, {"Content-Type": "application/json"})
            answer = self.link.getresponse()
            answer.read()
            return str(answer.status)
        except ConnectionRefusedError:
            said = "nobody listens"
        except TimeoutError:
            said = "no answer in time"
        except (OSError, http.client.HTTPException):
            said = "hung up"
        self.link.close()
        self.link = None
        return said

    def _next(self) -> list[Said]:
        choice = self.dice.choices(list(NEXT), list(NEXT.values()))[0]
        if choice == "again" and self.firing:
            several = self.dice.randint(1, 3) if groups(self.format) and self.dice.random() < 0.1 else 1
            return self.dice.sample(list(self.firing.values()), min(several, len(self.firing)))
        if (choice == "resolve" and self.firing) or len(self.firing) > MOST:
            one = self.firing.pop(self.dice.choice(list(self.firing)))
            self.over.append(one)
            return [Said(one.name, "resolve", one.severity, one.mode)]
        if choice == "back" and self.over:
            one = self.over.pop(self.dice.randrange(len(self.over)))
            self.firing[one.name] = one
            return [one]
        if choice == "acknowledge" and self.firing and self.format == "pagerduty":
            one = self.dice.choice(list(self.firing.values()))
            return [Said(one.name, "acknowledge", one.severity)]
        slight = [one for one in self.firing.values() if one.severity > "SEV2" and not one.mode]
        if choice == "graver" and slight:
            one = self.dice.choice(slight)
            self.firing[one.name] = worse = Said(one.name, "trigger", "SEV2", one.mode)
            return [worse]
        return [self._new(choice)]

    def _new(self, choice: str) -> Said:
        self.made += 1
        severity, mode = self.dice.choice(("SEV3", "SEV4")), ""
        if choice == "grave":
            severity = self.dice.choice(("SEV1", "SEV2"))
        if choice == "mode" and self.format != "pagerduty":
            severity, mode = "SEV3", self.dice.choice(MODES)
        one = Said(f"s{self.number}-{self.made}", "trigger", severity, mode)
        self.firing[one.name] = one
        return one


def main(folder: str, url: str, rate: str, seconds: str, seed: str) -> None:
    keys = json.loads((Path(folder) / "world.json").read_text())["keys"]
    notes, stopped = Notes(Path(folder) / "sends.jsonl"), threading.Event()
    pause, begin = len(keys) / float(rate), time.time() + 0.2
    threads = []
    for number, key in enumerate(keys):
        place = urlsplit(url).netloc.replace("localhost", "127.0.0.1")
        dice = random.Random(f"sender {number} {seed}")
        sender = Sender(number, key["id"], key["format"], key["secret"], place, dice, notes, stopped)
        told = (begin + pause * number / len(keys), pause, begin + float(seconds))
        threads.append(threading.Thread(target=sender.run, args=told, daemon=True))
    for thread in threads:
        thread.start()
    threading.Thread(target=_listen, args=(stopped,), daemon=True).start()
    for thread in threads:
        thread.join()
    print("done", flush=True)


def _listen(stopped: threading.Event) -> None:
    sys.stdin.readline()
    stopped.set()


if __name__ == "__main__":
    main(*sys.argv[1:])
