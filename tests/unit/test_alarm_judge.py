"""The judge of the campaign's second part, shown records in which one thing each is wrong: it must see it, and what is
right must pass."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.crash.campaign.alarms.evidence import Evidence
from tests.crash.campaign.alarms.judge import judge

Wrong = Callable[[Evidence], Any]
IN_VAIN = {"key": "page_unanswered:2", "incident": 2, "source": "system:notify"}
LADDER = {"steps": [{"after": 0}, {"after": 6}], "repeats": 1, "pause": 8, "lapse": 0}
KEY, SUBJECT = "inbound:7:key:s1-1", "SEV2 Feed s1-1 has not answered"


def evidence() -> Evidence:
    """One grave alert, sent twice (the first answer was lost), then resolved and back; its incident paged two rungs, of
    which a worker died in the first, and somebody took it. Another page was gone through in vain."""
    return Evidence(
        sends=[
            _sent(1, "trigger", tries=2, refused={"hung up": 1}),
            _sent(2, "trigger"),
            _sent(3, "resolve"),
            _sent(4, "trigger"),
        ],
        payloads=[{"inbound": 7, "digest": str(n), "times": 1} for n in (1, 2, 3, 4)],
        alerts=[_alert(1, "cleared", times=3), _alert(2, "firing", times=1), _alert(3, "firing", 1) | IN_VAIN],
        incidents=[_incident(1), _incident(2)],
        pages=[_page(1, "acked", (0, 2), acked=108.0), _page(2, "climbing", (3, 0), unanswered=130.0, due=1000.0)],
        notices=[
            _notice(1, (0, 0), 101.0, message=1),
            _notice(1, (0, 1), 107.0, message=2),
            *(
                _notice(2, rung, at, message=3)
                for rung, at in (((0, 0), 101), ((0, 1), 107), ((1, 0), 115), ((1, 1), 121), ((2, 0), 130))
            ),
        ],
        deliveries=[_copy(1, message=1), _copy(2, message=2, status="withdrawn"), _copy(3, message=3)],
        attempts=[_try(1, 101.5, "lost"), _try(1, 107.0, "done"), _try(2, 107.9, "lost"), _try(3, 101.2, "done")],
        sink=[_taken(1, 102.0), _taken(1, 107.1), _taken(2, 108.6), _taken(3, 101.3)],
        deeds=[{"how": "link", "who": "ana", "page": 1, "incident": 0, "status": 302, "tries": 1, "at": 108.5}],
        at=200.0,
    )


def _sent(n: int, action: str, tries: int = 1, refused: dict[str, int] | None = None) -> dict[str, Any]:
    said = {"key": KEY, "action": action, "severity": "SEV2", "mode": ""}
    line = {"sender": 1, "n": n, "tries": tries, "accepted": 100.0 + n, "inbound": 7, "digest": str(n), "said": [said]}
    return {**line, "refused": refused or {}}


def _alert(pk: int, status: str, times: int) -> dict[str, Any]:
    about = {"severity": "SEV2", "incident": 1, "mode": "", "protocol": None, "source": "inbound:7", "acked": False}
    return {"id": pk, "key": KEY, "status": status, "times": times, "told": 1, **about}


def _incident(pk: int) -> dict[str, Any]:
    about = {"severity": "SEV2", "status": "triage", "mode": "", "protocol": None, "commander": None, "raised": 0}
    by = "inbound:7" if pk == 1 else "user:1"
    return {"id": pk, "opened_by": by, "opened": 100.0, "ended": None, "told": 1, "title": "", **about}


def _page(pk: int, status: str, rung: tuple[int, int], **times: float) -> dict[str, Any]:
    page = {"id": pk, "key": f"incident:{pk}:lead", "about": f"incident:{pk}", "status": status, "frozen": LADDER}
    page |= {"round": rung[0], "step": rung[1], "follows": None, "because": "", "opened": 101.0}
    return {**page, "due": None, "acked": None, "ended": None, "unanswered": None, **times}


def _notice(page: int, rung: tuple[int, int], at: float, message: int) -> dict[str, Any]:
    return {"page": page, "round": rung[0], "step": rung[1], "reachable": True, "message": message, "at": float(at)}


def _copy(pk: int, message: int, status: str = "sent") -> dict[str, Any]:
    copy = {"id": pk, "message": message, "template": "page", "subject": SUBJECT, "status": status, "carrier": pk}
    return {**copy, "channel": "webhook", "address": "ana", "error": "", "created": 101.0}


def _try(delivery: int, began: float, outcome: str) -> dict[str, Any]:
    return {"delivery": delivery, "began": began, "outcome": outcome}


def _taken(pk: int, at: float, cut: bool = False) -> dict[str, Any]:
    mark = f"breakglass-delivery-{pk}"
    told = [{"id": mark, "subject": SUBJECT, "link": ""}]
    return {"kind": "http", "mark": mark, "to": "ana", "told": told, "cut": cut, "at": at}


def test_what_is_right_passes_and_what_came_twice_is_explained() -> None:
    verdict = judge(evidence())
    assert verdict.wrong == []
    assert verdict.passed > 10
    twice = {name: number for name, number in verdict.counted.items() if name.startswith("came twice")}
    assert sum(twice.values()) == 1
    assert "worker died" in next(iter(twice))
    assert verdict.counted["copies of pages that were being handed over while somebody acknowledged"] == 1


def _second_incident(shown: Evidence) -> None:
    shown.incidents.append(_incident(3) | {"opened_by": "inbound:7"})
    shown.alerts[1].update(incident=3)


WRONG: dict[str, tuple[Wrong, str]] = {
    "an alarm that nobody answers, forgotten": (lambda e: e.alerts.pop(), "its alarm is LOST"),
    "an accepted alert that is away": (lambda e: e.alerts.clear(), "LOST: it fired 2 times anew"),
    "one that is there twice": (lambda e: e.alerts.append(_alert(3, "firing", 1)), "DUPLICATE: it fired 2 times"),
    "a sighting that is away": (lambda e: e.alerts[0].update(times=1), "LOST: 3 different payloads"),
    "a sighting too many": (lambda e: e.alerts[0].update(times=9), "DUPLICATE: it was told 4 times"),
    "a payload that is away": (lambda e: e.payloads.pop(), "LOST: payload 4 of sender 1 was accepted"),
    "a payload too often": (lambda e: e.payloads[1].update(times=2), "DUPLICATE: payload 2"),
    "a payload that nobody took": (lambda e: e.sends[3].update(accepted=None), "LOST: payload 4 of sender 1 was never"),
    "a refusal for good": (lambda e: e.sends[0].update(refused={"400": 1}), "refused with 400"),
    "an alert that nobody sent": (
        lambda e: e.alerts.append({**_alert(3, "firing", 1), "key": "inbound:7:key:x"}),
        "nobody",
    ),
    "an end that was forgotten": (lambda e: e.alerts[1].update(status="cleared"), "its sender said otherwise"),
    "a grave alert without an incident": (lambda e: e.alerts[1].update(incident=None), "opened no incident"),
    "two incidents of one cause": (_second_incident, "are both open"),
    "an incident nobody was told of": (lambda e: e.incidents[0].update(told=0), "were told 0 times"),
    "an incident that paged nobody": (lambda e: e.pages[0].update(about="incident:9"), "paged nobody"),
    "a rung that was left out": (lambda e: e.notices.pop(1), "rung (0, 1) told nobody"),
    "a rung too early": (lambda e: e.notices[1].update(at=103.0), "too early"),
    "a rung beyond": (lambda e: e.notices.append(_notice(1, (1, 0), 108.0, 2)), "DUPLICATE: rung (1, 0)"),
    "a rung after somebody had it": (lambda e: e.notices[1].update(at=108.2), "after its end"),
    "a page that stands still": (lambda e: e.pages[1].update(due=150.0), "stands still"),
    "a page that was given up": (lambda e: e.pages[1].update(unanswered=None), "was not gone through"),
    "an answer that was no acknowledgement": (
        lambda e: e.pages[0].update(acked=None),
        "told that they have page 1",
    ),
    "a lapse that opened nothing": (
        lambda e: e.pages[0].update(status="lapsed", ended=300.0, frozen={**LADDER, "lapse": 5}),
        "LOST: 0 pages follow",
    ),
    "a rung without a copy": (lambda e: e.deliveries.pop(0), "no copy was written"),
    "a copy that never left": (lambda e: e.deliveries[0].update(status="queued"), "in the outbox still"),
    "a copy that failed": (lambda e: e.deliveries[0].update(status="failed", error="boom"), "it failed: boom"),
    "a copy that did not arrive": (lambda e: e.sink.pop(), "its receiver does not have it"),
    "a copy withdrawn in vain": (lambda e: e.deliveries[2].update(status="withdrawn"), "somebody is still needed"),
    "a repetition without a reason": (
        lambda e: e.attempts[0].update(outcome="done"),
        "was taken and answered, and came again",
    ),
    "a copy that left after somebody had it": (
        lambda e: e.attempts[2].update(began=108.55),
        "left after somebody had it",
    ),
    "a copy that nobody wrote": (lambda e: e.sink.append(_taken(9, 102.0)), "the desk does not know it"),
    "what did not come to its end": (lambda e: e.unended.update({"pages climb still": 2}), "2 pages climb still"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_judge_sees(name: str) -> None:
    spoil, said = WRONG[name]
    shown = deepcopy(evidence())
    spoil(shown)
    assert any(said in text for text in judge(shown).wrong), judge(shown).wrong
