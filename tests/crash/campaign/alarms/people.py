"""Those who are paged: `python -m tests.crash.campaign.alarms.people FOLDER URL SEED`, a process of their own.

They know what reached the sink and nothing else. Of each page that somebody is told of they draw once whether they take
it, how (the link in the message, the API, or command of the incident) and after how long; many never do. Now and then
somebody declines an incident, so that its cause is gone. Whatever is not answered is tried again.

FOLDER/deeds.jsonl gets a line for each deed that was answered. `stop` on standard input: nobody begins anything more.
"""

import base64
import heapq
import http.client
import json
import random
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.crash.campaign.alarms.senders import Notes

LINK = re.compile(r"/ack/([^/]+)/$")
WAR_ROOM = re.compile(r"/incidents/(\d+)/$")
HOW = {"link": 40, "api": 10, "take": 8, "nothing": 55}
LONGEST = 12.0
DECLINES = 0.05
PATIENCE = 10.0


@dataclass(order=True)
class Deed:
    """What somebody will do, and when."""

    at: float
    order: int
    how: str = field(compare=False)
    who: str = field(compare=False)
    page: int = field(compare=False, default=0)
    incident: int = field(compare=False, default=0)
    path: str = field(compare=False, default="")


@dataclass
class People:
    """All of them."""

    place: str
    tokens: dict[str, str]
    names: dict[int, str]
    dice: random.Random
    notes: Notes
    waiting: list[Deed] = field(default_factory=list)
    known: set[tuple[Any, ...]] = field(default_factory=set)
    numbers: Any = field(default_factory=count)
    calm: bool = False

    def hear(self, line: dict[str, Any]) -> None:
        """Something arrived at somebody's."""
        for told in line["told"]:
            if found := LINK.search(told["link"]):
                self._paged(found.group(1), told["link"])
            elif (found := WAR_ROOM.search(told["link"])) and line["to"] == "ana":
                self._told(int(found.group(1)))

    def _paged(self, token: str, link: str) -> None:
        page, user = json.loads(base64.urlsafe_b64decode(token.partition(":")[0] + "=="))
        who = self.names[user]
        if self.calm or ("page", page, who) in self.known:
            return
        self.known.add(("page", page, who))
        how = self.dice.choices(list(HOW), list(HOW.values()))[0]
        how = "link" if how == "take" and who not in ("ana", "ben") else how
        if how != "nothing":
            self._plan(how, who, page=page, path=urlsplit(link).path)

    def _told(self, incident: int) -> None:
        if self.calm or ("incident", incident) in self.known:
            return
        self.known.add(("incident", incident))
        if self.dice.random() < DECLINES:
            self._plan("decline", "ana", incident=incident)

    def _plan(self, how: str, who: str, **about: Any) -> None:
        heapq.heappush(
            self.waiting, Deed(time.time() + self.dice.uniform(0.2, LONGEST), next(self.numbers), how, who, **about)
        )

    def due(self) -> list[Deed]:
        found = []
        while self.waiting and self.waiting[0].at <= time.time():
            found.append(heapq.heappop(self.waiting))
        return found

    def do(self, deed: Deed) -> None:
        """Until it is answered, whatever the answer is."""
        tries, end = 0, time.time() + 90
        while time.time() < end:
            tries += 1
            status = self._ask(deed)
            if 0 < status < 500 and status != 429:
                break
            time.sleep(0.5)
        line = {"how": deed.how, "who": deed.who, "page": deed.page, "incident": deed.incident, "path": deed.path}
        self.notes.write({**line, "tries": tries, "status": status, "at": time.time()})

    def _ask(self, deed: Deed) -> int:
        if deed.how == "link":
            return self._post(deed.path, b"", {"Content-Type": "application/x-www-form-urlencoded"})
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.tokens[deed.who]}"}
        if deed.how == "decline":
            body = json.dumps({"status": "declined", "reason": "a false alarm of the campaign"}).encode()
            return self._post(f"/api/v1/incidents/{deed.incident}/move/", body, headers)
        if deed.how == "api":
            headers["Idempotency-Key"] = f"{deed.who}-{deed.page}"
            return self._post(f"/api/v1/pages/{deed.page}/ack/", b"", headers)
        incident = self._incident_of(deed.page, headers)
        return self._post(f"/api/v1/incidents/{incident}/take/", b"", headers) if incident else 0

    def _incident_of(self, page: int, headers: dict[str, str]) -> int:
        status, body = self._call("GET", f"/api/v1/pages/{page}/", None, headers)
        noun, _, number = str(json.loads(body).get("about", "")).partition(":") if status == 200 else ("", "", "")
        return int(number) if noun == "incident" else 0

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        return self._call("POST", path, body, headers)[0]

    def _call(self, verb: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        link = http.client.HTTPConnection(self.place, timeout=PATIENCE)
        try:
            link.request(verb, path, body, headers)
            answer = link.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            link.close()


def main(folder: str, url: str, seed: str) -> None:
    world = json.loads((Path(folder) / "world.json").read_text())
    names = {person["id"]: name for name, person in world["people"].items()}
    tokens = {name: person["token"] for name, person in world["people"].items()}
    place = urlsplit(url).netloc.replace("localhost", "127.0.0.1")
    notes = Notes(Path(folder) / "deeds.jsonl")
    people = People(place, tokens, names, random.Random(f"people {seed}"), notes)
    told = threading.Event()
    threading.Thread(target=_listen, args=(people, told), daemon=True).start()
    with ThreadPoolExecutor(8) as hands, (Path(folder) / "sink.jsonl").open() as sink:
        under_way = []
        while not told.is_set() or people.waiting or any(not one.done() for one in under_way):
            while line := sink.readline():
                people.hear(json.loads(line))
            under_way = [one for one in under_way if not one.done()]
            under_way += [hands.submit(people.do, deed) for deed in people.due()]
            time.sleep(0.05)
    print("done", flush=True)


def _listen(people: People, told: threading.Event) -> None:
    sys.stdin.readline()
    people.calm = True
    told.set()


if __name__ == "__main__":
    main(*sys.argv[1:])
