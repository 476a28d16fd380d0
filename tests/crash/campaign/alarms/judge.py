"""The judge: a process of its own. `python -m tests.crash.campaign.alarms.judge FOLDER DATABASE_URL SECONDS`

It waits until nothing is left to do, or what is left does not get less for so many seconds; then it reads the notes of
the senders and of the people, the sink's file, and our tables by SQL, and says what is wrong, one line each, then
`N passed, N failed`.
"""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.crash.campaign.alarms.evidence import Evidence, gather
from tests.crash.campaign.alarms.judge_alerts import Verdict, judge_alerts, judge_incidents, judge_monitor
from tests.crash.campaign.alarms.judge_deliveries import judge_deliveries
from tests.crash.campaign.alarms.judge_pages import judge_pages

RULES = (judge_alerts, judge_monitor, judge_incidents, judge_pages, judge_deliveries)
SHOWN = 40


def judge(evidence: Evidence) -> Verdict:
    verdict = Verdict()
    for words, number in evidence.unended.items():
        verdict.of([f"not everything came to its end: {number} {words}"])
    for rule in RULES:
        verdict += rule(evidence)
    return verdict


@dataclass
class Patience:
    """As long as what is left gets less, it is waited for; then it is judged as it is."""

    seconds: float
    least: int = sys.maxsize
    since: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        return time.monotonic() - self.since > self.seconds

    def enough(self, unended: dict[str, int]) -> bool:
        if (left := sum(unended.values())) < self.least:
            self.least, self.since = left, time.monotonic()
        return self.over or not unended


def wait(folder: Path, database: str, seconds: float) -> Evidence:
    patience = Patience(seconds)
    while True:
        try:
            found = gather(folder, database, patience.enough)
        except psycopg.OperationalError:
            if patience.over:
                raise
            found = None
        if found is not None:
            return found
        time.sleep(1)


def main(folder: str, database: str, seconds: str) -> int:
    verdict = judge(wait(Path(folder), database, float(seconds)))
    for text in verdict.wrong[:SHOWN]:
        print(f"judge: {text}")
    if len(verdict.wrong) > SHOWN:
        print(f"judge: … and {len(verdict.wrong) - SHOWN} more")
    for name, number in sorted(verdict.counted.items()):
        if number:
            print(f"judge: {number:7d}  {name}")
    print(f"judge: {verdict.passed} passed, {len(verdict.wrong)} failed", flush=True)
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
