"""Whether no copy was lost, nobody was told after somebody had it, and why what came twice came twice."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tests.crash.campaign.alarms.evidence import YOUNG, Evidence, Row
from tests.crash.campaign.alarms.judge_alerts import Verdict
from tests.crash.campaign.alarms.judge_pages import answered

MARK = "breakglass-delivery-"
PAGE = "page"
HUNG_UP = "the receiver took it and hung up"
DIED = "its worker died, or lost the database, before it could write down that it was taken"
UNBUNDLED = "it had gone out with others, of which one was not needed any more"


@dataclass
class Outbox:
    """Copies and their tries, and what of it the receivers hold."""

    evidence: Evidence
    copies: dict[int, Row] = field(init=False)
    tries: dict[int, list[Row]] = field(init=False)
    arrived: dict[int, list[Row]] = field(init=False)  # of each copy the lines that hold it
    by_mark: dict[str, list[Row]] = field(init=False)
    strange: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.copies = {row["id"]: row for row in self.evidence.deliveries}
        self.tries, self.arrived, self.by_mark = defaultdict(list), defaultdict(list), defaultdict(list)
        for attempt in self.evidence.attempts:
            self.tries[attempt["delivery"]].append(attempt)
        along = defaultdict(list)
        for row in self.evidence.deliveries:
            along[row["carrier"] or row["id"]].append(row)
        for line in self.evidence.sink:
            carrier = self._number(line["mark"])
            if carrier is None:
                continue
            self.by_mark[line["mark"]].append(line)
            for copy in self._within(line, carrier, along[carrier]):
                self.arrived[copy].append(line)

    def _number(self, mark: str) -> int | None:
        """Of the copy whose turn it was. Mails that are no copies (a test's, an approval's) have another mark."""
        number = mark.removeprefix(MARK)
        return int(number) if mark.startswith(MARK) and number.isdigit() else None

    def _within(self, line: Row, carrier: int, along: list[Row]) -> Iterator[int]:
        """A webhook's parts have ids. A mail's parts are known by their subjects: those that went with its carrier,
        and, if its bundle was broken up since, any copy to that address with such a subject."""
        if line["kind"] == "http":
            yield from (int(told["id"].removeprefix(MARK)) for told in line["told"])
            return
        yield carrier
        subjects = {told["subject"] for told in line["told"]}
        yield from (row["id"] for row in along if row["id"] != carrier and " ".join(row["subject"].split()) in subjects)

    def answered_badly(self, line: Row, mark: str) -> str:
        """Why its sender could not know that this one was taken; empty if it could."""
        if line["cut"]:
            return HUNG_UP
        number = self._number(mark)
        begun = [one for one in self.tries.get(number or 0, ()) if one["began"] <= line["at"]]
        if begun and begun[-1]["outcome"] in ("lost", "retry", ""):
            return DIED
        return ""


def judge_deliveries(evidence: Evidence) -> Verdict:
    verdict = Verdict(counted=Counter({"copies": len(evidence.deliveries), "taken by the sink": len(evidence.sink)}))
    outbox = Outbox(evidence)
    pages = _pages_of(evidence)
    for copy in evidence.deliveries:
        found = list(_ended(copy, outbox, pages.get(copy["message"]), verdict.counted))
        verdict.of([f"copy {copy['id']} to {copy['address']} ({copy['status']}): {text}" for text in found])
        verdict.counted[f"copies that are {copy['status']}"] += 1
    verdict += _repeated(outbox)
    verdict += _after(outbox, pages)
    for line in evidence.sink:
        number = outbox._number(line["mark"])
        if number is not None and number not in outbox.copies and line["at"] < evidence.at:
            verdict.of([f"the sink holds {line['mark']}, and the desk does not know it"])
    return verdict


def _pages_of(evidence: Evidence) -> dict[int, Row]:
    pages = {row["id"]: row for row in evidence.pages}
    return {row["message"]: pages[row["page"]] for row in evidence.notices if row["message"]}


def _ended(copy: Row, outbox: Outbox, page: Row | None, counted: Counter[str]) -> Iterator[str]:
    lines = outbox.arrived.get(copy["id"], [])
    if copy["status"] == "queued" and copy["created"] > outbox.evidence.at - YOUNG:
        counted["copies so young that they are on their way"] += 1
    elif copy["status"] == "queued":
        yield "LOST: it is in the outbox still"
    elif copy["status"] == "sent" and not lines:
        yield "LOST: the desk says that it was taken, and its receiver does not have it"
    elif copy["status"] == "failed":
        yield f"LOST: no receiver refused anything, and it failed: {copy['error'] or 'without a reason'}"
    elif copy["status"] == "withdrawn":
        if copy["template"] != PAGE or page is None or page["status"] == "climbing":
            yield "LOST: it was withdrawn, and somebody is still needed"
        counted["copies withdrawn that had arrived before, in a try whose answer was lost"] += bool(lines)


def _repeated(outbox: Outbox) -> Verdict:
    """Under one mark its receiver can tell. Under two it cannot, and the desk must have had a reason to try again."""
    verdict = Verdict()
    for mark, lines in outbox.by_mark.items():
        for before in sorted(lines, key=lambda line: float(line["at"]))[:-1]:
            why = outbox.answered_badly(before, mark)
            verdict.counted[f"came twice under one mark: {why or 'NOBODY KNOWS WHY'}"] += 1
            verdict.of([] if why else [f"DUPLICATE: {mark} was taken and answered, and came again"])
    for number, lines in outbox.arrived.items():
        ordered = sorted(lines, key=lambda line: float(line["at"]))
        for before, after in pairwise(ordered):
            if before["mark"] == after["mark"]:
                continue
            why = outbox.answered_badly(before, before["mark"])
            verdict.counted[f"came twice under two marks: {UNBUNDLED + '; ' + why if why else 'NOBODY KNOWS WHY'}"] += 1
            text = f"DUPLICATE: copy {number} came with {before['mark']} and again with {after['mark']}"
            verdict.of([] if why else [text])
    return verdict


def _after(outbox: Outbox, pages: dict[int, Row]) -> Verdict:
    """None after: once somebody was answered that they have it, nobody begins to send a copy of that page. One that was
    under way already may arrive: then the try that sent it had begun before."""
    verdict, sure = Verdict(), answered(outbox.evidence)
    for number, lines in outbox.arrived.items():
        copy = outbox.copies.get(number)
        page = pages.get(copy["message"]) if copy else None
        if page is None or page["id"] not in sure:
            continue
        for line in lines:
            if line["at"] <= sure[page["id"]]:
                continue
            tries = outbox.tries.get(outbox._number(line["mark"]) or 0, [])
            began = max((one["began"] for one in tries if one["began"] <= line["at"]), default=None)
            explained = began is not None and began <= sure[page["id"]]
            verdict.counted["copies of pages that were being handed over while somebody acknowledged"] += explained
            late = line["at"] - sure[page["id"]]
            text = f"page {page['id']}: copy {number} left after somebody had it, and arrived {late:.1f} s later"
            verdict.of([] if explained else [text])
    return verdict
