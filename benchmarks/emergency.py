"""The clock of an emergency, on the whole stack: `detect_to_incident_ms`, `last_signature_to_mined_ms`,
`event_to_dom_ms`. A process of its own, run with the environment of the instance that it measures."""

import re
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

import requests  # noqa: E402  (Django comes first)
from django.conf import settings  # noqa: E402
from django.db import transaction  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from benchmarks.figures import say, timings  # noqa: E402
from governance.proposals.services import propose  # noqa: E402
from governance.safes.models import Safe  # noqa: E402
from incidents.incidents.models import OVER, Incident  # noqa: E402
from incidents.incidents.services import move, open_incident  # noqa: E402
from incidents.updates.services import add_note  # noqa: E402
from integrations.devnet import prices  # noqa: E402
from integrations.devnet.chain import CAROL, DAN  # noqa: E402
from integrations.devnet.deploy import describe  # noqa: E402
from integrations.devnet.faults.base import World  # noqa: E402
from integrations.devnet.faults.board import FaultBoard  # noqa: E402
from integrations.devnet.faults.stale_feed import StaleFeed  # noqa: E402
from integrations.devnet.helix import HLX_USD  # noqa: E402
from integrations.devnet.rpc import Rpc  # noqa: E402
from ledger.models import Event  # noqa: E402
from tests.browser.conftest import find_chromium  # noqa: E402
from tests.governance_world import sign  # noqa: E402

ACTOR = "system:bench"
PASSWORD = "breakglass-demo"  # of the demo's people
EMERGENCIES, SIGNATURES, EVENTS = 7, 12, 60


def until(what: Callable[[], Any], seconds: float = 60) -> Any:
    """What it says once it says something; asked every five milliseconds."""
    end = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > end:
            raise RuntimeError("it did not come about in time")
        time.sleep(0.005)
    return found


class Person(requests.Session):
    """Somebody's browser, without the drawing."""

    def __init__(self, name: str) -> None:
        super().__init__()
        page = self.get(self.at("/accounts/login/"), timeout=10).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        form = {"login": name, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        answer = self.post(self.at("/accounts/login/"), form, headers={"Referer": self.at("/")}, timeout=10)
        answer.raise_for_status()

    @staticmethod
    def at(path: str) -> str:
        return settings.PUBLIC_URL + path

    def sign(self, proposal: Any, owner: str) -> None:
        answer = self.post(
            self.at(f"/api/v1/proposals/{proposal.pk}/confirmations/"),
            json={"signature": sign(proposal, owner)},
            headers={"X-CSRFToken": self.cookies["csrftoken"], "Referer": self.at("/")},
            timeout=20,
        )
        if answer.status_code != 201:
            raise RuntimeError(f"{answer.status_code} {answer.text[:300]}")


def detect_to_incident(rpc: Rpc) -> None:
    """From the moment at which the chain shows the stale feed to the incident's row, by one clock."""
    world = World(rpc, describe(rpc), FaultBoard(settings.STATE_DIR))
    feed, fault, values = world.deployment.feed(HLX_USD), StaleFeed(StaleFeed.Config()), []
    for number in range(EMERGENCIES):
        say(f"emergency {number + 1} of {EMERGENCIES}")
        last = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        fault.start(world)
        began = time.time()
        answer = prices.latest(rpc, feed)
        assert rpc.timestamp() > answer.updated_at + feed.heartbeat
        opened = until(lambda last=last: Event.objects.filter(pk__gt=last, verb="incident.opened").first())
        values.append((opened.at.timestamp() - began) * 1000)
        fault.clear(world)
        until(lambda last=last: Event.objects.filter(pk__gt=last, verb="alert.cleared").exists())
        for incident in Incident.objects.exclude(status__in=OVER):
            move(incident=incident, to="declined", actor=ACTOR, reason="a measurement")
    timings("detect_to_incident_ms", values, "from the block that shows it to the stored incident")


def last_signature_to_mined(rpc: Rpc) -> None:
    """From the request that carries the last signature to the block that executes, as the chain's nonce shows it."""
    safe = Safe.objects.get(label__icontains="guardian")
    carol, dan, values = Person("carol"), Person("dan"), []
    nothing = {"to": safe.address, "value": "0", "data": "0x"}
    for number in range(SIGNATURES):
        say(f"signature {number + 1} of {SIGNATURES}")
        safe.refresh_from_db()
        nonce = _nonce(rpc, safe.address)
        proposal = propose(safe=safe, calls=[nothing], title="Nothing", actor=ACTOR, nonce=nonce, auto_execute=True)
        carol.sign(proposal, CAROL.address)
        began = time.time()
        dan.sign(proposal, DAN.address)
        until(lambda nonce=nonce: _nonce(rpc, safe.address) > nonce)
        values.append((time.time() - began) * 1000)
        until(lambda proposal=proposal: Event.objects.filter(verb="proposal.executed", subject=proposal.subject))
    timings("last_signature_to_mined_ms", values, "blocks every 2 s: on average half of that is waiting for one")


def _nonce(rpc: Rpc, address: str) -> int:
    call = {"to": address, "data": "0xaffed0e0"}
    return int(str(rpc("eth_call", call, "latest")), 16)


WATCH = """() => {
  window.seen = {};
  new MutationObserver(() => {
    for (const found of document.body.innerText.matchAll(/bench-note-(\\d+)/g)) window.seen[found[1]] ??= Date.now();
  }).observe(document.body, {childList: true, subtree: true});
}"""


def event_to_dom() -> None:
    """From just before the transaction that records an event to its line in an open page."""
    incident = open_incident(title="Bench", severity="SEV4", actor=ACTOR, tell=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        _log_in(page)
        page.goto(Person.at(f"/incidents/{incident.pk}/"))
        page.wait_for_function("() => document.documentElement.dataset.live === 'on'")
        page.evaluate(WATCH)
        written = {}
        for number in range(EVENTS):
            written[number] = time.time() * 1000
            with transaction.atomic():
                add_note(incident=incident, text=f"bench-note-{number}.", actor=ACTOR)
            time.sleep(0.1)
        page.wait_for_timeout(1500)
        seen = {int(number): at for number, at in page.evaluate("() => window.seen").items()}
        browser.close()
    if missing := written.keys() - seen.keys():
        raise RuntimeError(f"{len(missing)} events never reached the page")
    timings("event_to_dom_ms", [seen[n] - written[n] for n in written], "recorded, linked, authorised, drawn, swapped")


def _log_in(page: Page) -> None:
    page.goto(Person.at("/accounts/login/"))
    page.fill("[name=login]", "ana")
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(Person.at("/"))


def main() -> None:
    rpc = Rpc(settings.DEVNET_RPC_URL)
    event_to_dom()
    detect_to_incident(rpc)
    last_signature_to_mined(rpc)


if __name__ == "__main__":
    main()
