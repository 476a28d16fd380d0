"""Whether every alert that was accepted is there once, and whether incidents are what the rules make of them."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tests.crash.campaign.alarms.evidence import Evidence, Row

HUNG = "no answer in time"
MONITOR = "monitor:oracle-stale"
SEEN_LATE = 45.0
"""Seconds within which the watch, started again and again, has gone through the blocks that it missed."""


@dataclass
class Verdict:
    """What one rule found: how many things passed, what is wrong, and what is only counted."""

    passed: int = 0
    wrong: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)

    def of(self, found: list[str]) -> None:
        self.passed += not found
        self.wrong += found

    def __iadd__(self, other: "Verdict") -> "Verdict":
        self.passed += other.passed
        self.wrong += other.wrong
        self.counted += other.counted
        return self


@dataclass
class Expected:
    """What the answers promised of one dedup key."""

    episodes: int = 0
    fires: int = 0
    tries: int = 0
    hung: int = 0
    firing: bool = False
    acked: bool = False
    severity: str = ""
    mode: str = ""

    def take(self, one: Row, line: Row) -> None:
        """In the sender's order. A try that hung may still have been done, later than the ones after it."""
        self.hung += line["refused"].get(HUNG, 0)
        if one["action"] == "resolve":
            self.firing = self.acked = False
        elif one["action"] == "acknowledge":
            self.acked = self.acked or self.firing
        else:
            self.severity = min(self.severity, one["severity"]) if self.firing else one["severity"]
            self.mode = one["mode"] or self.mode
            self.episodes += not self.firing
            self.fires, self.tries, self.firing = self.fires + 1, self.tries + line["tries"], True


def judge_alerts(evidence: Evidence) -> Verdict:
    verdict = _payloads(evidence)
    wanted: dict[str, Expected] = defaultdict(Expected)
    for line in sorted(evidence.sends, key=lambda line: (line["sender"], line["n"])):
        if line["accepted"] is None:
            verdict.of([f"LOST: payload {line['n']} of sender {line['sender']} was never taken: {line['refused']}"])
            continue
        for one in line["said"]:
            wanted[one["key"]].take(one, line)
    there: dict[str, list[Row]] = defaultdict(list)
    for row in evidence.alerts:
        there[row["key"]].append(row)
    for key, expected in wanted.items():
        verdict.of([f"alert {key}: {text}" for text in _of(expected, there.get(key, []), verdict.counted)])
    unsure = {one["key"] for line in evidence.sends if line["accepted"] is None for one in line["said"]}
    for key in there.keys() - wanted.keys() - unsure:
        if key.startswith("inbound:") and not key.endswith("heartbeat:missed"):
            verdict.of([f"alert {key}: nobody sent it"])
    return verdict


def _payloads(evidence: Evidence) -> Verdict:
    """Each accepted payload is stored, as one row, and was seen no more often than it was sent."""
    verdict = Verdict()
    stored = {(row["inbound"], row["digest"]): row["times"] for row in evidence.payloads}
    for line in evidence.sends:
        if line["accepted"] is None:
            continue
        verdict.counted["payloads accepted"] += 1
        verdict.counted["tries that were not answered with 2xx"] += line["tries"] - 1
        verdict.counted.update({f"tries answered with {word}": n for word, n in line["refused"].items()})
        refused = [word for word in line["refused"] if word.isdigit() and word.startswith("4") and word != "429"]
        times, name = (
            stored.get((line["inbound"], line["digest"]), 0),
            f"payload {line['n']} of sender {line['sender']}",
        )
        found = [f"{name} was refused with {word} before it was taken" for word in refused]
        if times == 0:
            found.append(f"LOST: {name} was accepted and is not there")
        elif times > line["tries"]:
            found.append(f"DUPLICATE: {name} was sent {line['tries']} times and seen {times} times")
        verdict.counted["payloads stored though their answer was lost, and seen again"] += max(0, times - 1)
        verdict.of(found)
    return verdict


def _of(expected: Expected, rows: list[Row], counted: Counter[str]) -> Iterator[str]:
    counted["alerts"] += len(rows)
    counted["sightings"] += sum(row["times"] for row in rows)
    if len(rows) < expected.episodes:
        yield f"LOST: it fired {expected.episodes} times anew and is there {len(rows)} times"
        return
    extra = len(rows) - expected.episodes
    if extra > expected.hung:
        yield f"DUPLICATE: it fired {expected.episodes} times anew and is there {len(rows)} times"
    counted["alerts raised anew by a request that had hung"] += min(extra, expected.hung)
    seen = sum(row["times"] for row in rows)
    if seen < expected.fires:
        yield f"LOST: {expected.fires} different payloads told of it, and it was seen {seen} times"
    if seen > expected.tries:
        yield f"DUPLICATE: it was told {expected.tries} times at most, and seen {seen} times"
    if not rows or expected.hung:
        return
    last = rows[-1]
    if (last["status"] == "firing") != expected.firing:
        yield f"it is {last['status']}, and its sender said otherwise"
    if expected.firing and last["severity"] != expected.severity:
        yield f"it is {last['severity']}, and its sender said {expected.severity}"
    if expected.firing and expected.acked and not last["acked"]:
        yield "LOST: its sender acknowledged it, and that is not there"
    yield from (f"it is told {row['told']} times in the ledger" for row in rows if row["told"] != 1)
    yield from ("it fires twice at once" for row in rows[:-1] if row["status"] == "firing")


def judge_monitor(evidence: Evidence) -> Verdict:
    """Each time the feed stopped is one alert of the monitor that watches it: begun while it had stopped, over by now.

    With `up` the devnet went down too, and came back as it had last been saved: what had been seen in a block that is
    no more may be seen again.
    """
    verdict, seen = (
        Verdict(),
        [row for row in evidence.alerts if row["source"] == MONITOR and "blind" not in row["key"]],
    )
    for fault in evidence.faults:
        within = [
            row
            for row in seen
            if row["raised"] < fault["over"] + SEEN_LATE and (row["cleared"] or evidence.at) > fault["began"]
        ]
        verdict.of([] if within else [f"LOST: the feed stopped at {fault['began']:.0f}, and no alert says so"])
    most = len(evidence.faults) + len(evidence.ups)
    verdict.of([f"DUPLICATE: {len(seen)} alerts of a feed that stopped {most} times"] if len(seen) > most else [])
    verdict.of([f"alert {row['key']} fires, and the feed answers" for row in seen if row["status"] == "firing"])
    verdict.counted["times that the watched feed stopped"] += len(evidence.faults)
    return verdict


def judge_incidents(evidence: Evidence) -> Verdict:
    """By the rules of docs/alerts.md: what is grave or has a failure mode has an incident, what has neither has none;
    and of one cause there is never more than one open."""
    verdict = Verdict(counted=Counter({"incidents": len(evidence.incidents)}))
    incidents = {row["id"]: row for row in evidence.incidents}
    causes: dict[tuple[object, ...], dict[int, Row]] = defaultdict(dict)
    for alert in evidence.alerts:
        if not alert["key"].startswith("inbound:"):
            continue
        needs = alert["severity"] in ("SEV1", "SEV2") or bool(alert["mode"])
        incident = incidents.get(alert["incident"])
        found = []
        if needs and incident is None:
            found.append(f"LOST: alert {alert['key']} is {alert['severity']} {alert['mode']} and opened no incident")
        if not needs and incident is not None:
            found.append(f"alert {alert['key']} is {alert['severity']} and opened incident {incident['id']}")
        verdict.of(found)
        if incident is not None:
            named = ("mode", alert["protocol"], alert["mode"]) if alert["mode"] else ("key", alert["key"])
            causes[named][incident["id"]] = incident
    for cause, of_it in causes.items():
        verdict.of(list(_one_at_a_time(cause, [of_it[pk] for pk in sorted(of_it)])))
    led = {row["about"] for row in evidence.pages if row["key"].endswith(":lead")}
    with_alerts = {alert["incident"] for alert in evidence.alerts}
    for row in evidence.incidents:
        if not row["opened_by"].startswith("user:"):
            verdict.of(list(_told(row, row["id"] in with_alerts, f"incident:{row['id']}" in led)))
    return verdict


def _one_at_a_time(cause: tuple[object, ...], found: list[Row]) -> Iterator[str]:
    for before, after in pairwise(found):
        if before["ended"] is None or before["ended"] > after["opened"] + 1:
            yield f"DUPLICATE: incidents {before['id']} and {after['id']} are both open for {cause}"


def _told(row: Row, has_alerts: bool, paged: bool) -> Iterator[str]:
    """Whoever declined it before anybody was told has nobody told."""
    name, over = f"incident {row['id']}", row["ended"] is not None
    if not has_alerts:
        yield f"{name} was opened by {row['opened_by']} and has no alert"
    if row["told"] != 1 and not (over and row["told"] == 0):
        yield f"LOST: {name}: the responders were told {row['told']} times that it opened"
    if not paged and row["severity"] < "SEV4" and not over and row["commander"] is None:
        yield f"LOST: {name} is {row['severity']} and paged nobody"
