"""Whether every page climbed, rung by rung, until somebody had it or its ladder ended; and not a step further."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from tests.crash.campaign.alarms.evidence import Evidence, Row
from tests.crash.campaign.alarms.judge_alerts import Verdict

ROUNDING = 0.05
SLOWLY = 900


def judge_pages(evidence: Evidence) -> Verdict:
    verdict = Verdict(counted=Counter({"pages": len(evidence.pages)}))
    rungs: dict[int, dict[tuple[int, int], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for notice in evidence.notices:
        rungs[notice["page"]][notice["round"], notice["step"]].append(notice)
    copies = Counter(row["message"] for row in evidence.deliveries)
    followed = Counter(row["follows"] for row in evidence.pages if row["follows"])
    for page in evidence.pages:
        found = [*_climbed(page, rungs[page["id"]], verdict.counted), *_ended(page, followed, evidence.at)]
        found += _written(rungs[page["id"]], copies)
        verdict.of([f"page {page['id']} ({page['status']}): {text}" for text in found])
        verdict.counted[f"pages that are {page['status']}"] += 1
    verdict += _deeds(evidence)
    verdict += _unanswered(evidence)
    verdict += _lived_once(evidence)
    return verdict


def ladder(frozen: Mapping[str, Any], end: tuple[int, int]) -> Iterator[tuple[tuple[int, int], float]]:
    """The rungs up to `end` (which is not among them), each with the seconds that come before it."""
    steps, rung, wait = frozen["steps"], (0, 0), float(frozen["steps"][0]["after"])
    while rung < end:
        yield rung, wait
        round_, step = rung
        if round_ <= frozen["repeats"] and step + 1 < len(steps):
            rung, wait = (round_, step + 1), steps[step + 1]["after"]
        elif round_ <= frozen["repeats"]:
            first = steps[0]["after"] if round_ < frozen["repeats"] else 0
            rung, wait = (round_ + 1, 0), frozen["pause"] + first
        else:
            rung, wait = (round_ + 1, 0), max(frozen["pause"], SLOWLY)


def _climbed(page: Row, told: Mapping[tuple[int, int], list[Row]], counted: Counter[str]) -> Iterator[str]:
    """Each rung that it says it has passed told somebody, none too early, none beyond, none after its end."""
    before = page["opened"]
    passed = dict(ladder(page["frozen"], (page["round"], page["step"])))
    for rung, wait in passed.items():
        if rung not in told:
            yield f"LOST: rung {rung} told nobody"
            continue
        at = min(notice["at"] for notice in told[rung])
        counted["rungs climbed"] += 1
        if at < before + wait - ROUNDING:
            yield f"rung {rung} came {before + wait - at:.1f} s too early"
        late = at - before - wait
        counted["rungs more than 10 s late"] += late > 10
        counted["seconds that the latest rung was late"] = max(
            counted["seconds that the latest rung was late"], round(late)
        )
        before = max(notice["at"] for notice in told[rung])
    yield from (f"DUPLICATE: rung {rung} was told, and the page says otherwise" for rung in told if rung not in passed)
    end = min((moment for moment in (page["acked"], page["ended"]) if moment), default=None)
    if end is not None:
        late_ones = [notice for notices in told.values() for notice in notices if notice["at"] > end]
        yield from (f"it told somebody {notice['at'] - end:.2f} s after its end" for notice in late_ones)


def _ended(page: Row, followed: Counter[int], now: float) -> Iterator[str]:
    """How it stands when nothing is broken any more."""
    status, lapse = page["status"], page["frozen"]["lapse"]
    if status == "climbing":
        if page["unanswered"] is None:
            yield "LOST: nobody has it, and its ladder was not gone through"
        if page["due"] is None or page["due"] < now - 10:
            yield "LOST: nobody has it, and it stands still"
    if status == "acked" and page["acked"] is None:
        yield "it does not say since when somebody has it"
    if status == "acked" and lapse and (page["due"] is None or page["due"] < now - 10):
        yield "LOST: its acknowledgement should have lapsed"
    if status == "lapsed" and (not lapse or page["ended"] < page["acked"] + lapse - ROUNDING):
        yield "its acknowledgement lapsed too early"
    least, most = status == "lapsed", status in ("lapsed", "resolved")  # asked for anew, graver or fired again
    if not least <= followed[page["id"]] <= most:
        yield f"LOST: {followed[page['id']]} pages follow it"
    if status == "resolved" and not page["because"]:
        yield "it does not say why it is resolved"


def _written(told: Mapping[tuple[int, int], list[Row]], copies: Counter[int]) -> Iterator[str]:
    for rung, notices in told.items():
        if any(notice["reachable"] and not copies[notice["message"]] for notice in notices):
            yield f"LOST: rung {rung} told somebody, and no copy was written"


def answered(evidence: Evidence) -> dict[int, float]:
    """Since when somebody knows, by an answer of ours, that nobody is to be told of this page any more."""
    found: dict[int, float] = {}
    for deed in evidence.deeds:
        if not 200 <= deed["status"] < 400:
            continue
        about = f"incident:{deed['incident']}"
        declined = [page["id"] for page in evidence.pages if deed["how"] == "decline" and page["about"] == about]
        for page in declined or [deed["page"]]:
            found[page] = min(found.get(page, deed["at"]), deed["at"])
    return found


def _deeds(evidence: Evidence) -> Verdict:
    """Whoever was answered that they have it, has it; of what was declined nobody is asked any more."""
    verdict, pages = Verdict(), {row["id"]: row for row in evidence.pages}
    for deed in evidence.deeds:
        verdict.counted[f"people who answered by {deed['how']}: {deed['status']}"] += 1
    for number, at in answered(evidence).items():
        page = pages.get(number)
        ends = [moment for moment in (page["acked"], page["ended"]) if moment] if page else []
        late = page is not None and min(ends, default=at + 1) > at
        verdict.of([f"LOST: somebody was told that they have page {number}, and do not"] if late else [])
    return verdict


JUST_NOW = 5.0
"""Seconds: the campaign ends with the last ladder that is gone through, and its alarm is an event that is handed on."""


def _unanswered(evidence: Evidence) -> Verdict:
    """A ladder that was gone through in vain is an alarm, once, for as long as nobody has the page."""
    verdict, alarms = Verdict(), defaultdict(list)
    for alert in evidence.alerts:
        alarms[alert["key"]].append(alert["status"])
    for page in evidence.pages:
        if page["unanswered"] is None:
            continue
        wanted, found = (
            ["firing" if page["status"] == "climbing" else "cleared"],
            alarms[f"page_unanswered:{page['id']}"],
        )
        if not found and page["unanswered"] > evidence.at - JUST_NOW:
            verdict.counted["ladders gone through so lately that their alarm is on its way"] += 1
            continue
        text = f"page {page['id']} was gone through, is {page['status']}, and its alarm is {found or 'LOST'}"
        verdict.of([] if found == wanted else [text])
    return verdict


def _lived_once(evidence: Evidence) -> Verdict:
    """Of one key one page lives at a time; and what asks again has become graver since, or its ack has lapsed."""
    verdict, of_key = Verdict(), defaultdict(list)
    raised = {f"incident:{row['id']}:lead": row["raised"] for row in evidence.incidents}
    for page in evidence.pages:
        of_key[page["key"]].append(page)
    for key, pages in of_key.items():
        found = [
            f"DUPLICATE: pages {one['id']} and {two['id']} of {key} lived at once"
            for one, two in pairwise(pages)
            if one["ended"] is None or one["ended"] > two["opened"] + ROUNDING
        ]
        anew = sum(page["follows"] is None for page in pages) - 1
        if anew > raised.get(key, 0):
            found.append(f"DUPLICATE: {key} was paged {anew} times anew, and became graver {raised.get(key, 0)} times")
        verdict.of(found)
    return verdict
