"""One emergency, end to end, as people live it: real Chromium, real processes, a real chain.

The price feed stops; the desk notices by itself; the commander takes the incident and starts the playbook; two signers
sign on their own pages; a worker executes; the chain is read back; the stakeholders are mailed; and the commander's
page has followed all of it without a reload. At the end everything of ours is killed, and the public can still read.
"""

import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.axe import Axe
from tests.browser.desk import WIDTHS, Desk
from tests.stack import Stack, running


@pytest.fixture(params=list(WIDTHS))
def desk(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Desk]:
    with running(STATUS_STALE_AFTER="2") as stack:
        yield Desk(browser, stack, request.param, "emergency")


def step(page: Page, title: str) -> Locator:
    return page.locator(".steps > li").filter(has_text=title)


def sign(page: Page, url: str, name: str) -> None:
    """As a signer: read, see that the hashes agree, sign with the devnet wallet."""
    page.goto(url)
    expect(page.get_by_text("recomputed here, the same")).to_have_count(3)
    expect(page.get_by_role("heading", name="Pause HelixVault")).to_be_visible()
    page.get_by_role("button", name="Sign with wallet").click()
    wallet = page.get_by_role("dialog")
    wallet.get_by_role("radio", name=re.compile(f"^{name}")).check()
    wallet.get_by_role("button", name="Connect").click()
    wallet.get_by_role("button", name="Sign", exact=True).click()


def letters(page: Page, stack: Stack, subject: str) -> list[str]:
    """To whom mail with this subject went, as the mailbox page shows it."""
    page.goto(f"{stack.url}/devnet/mail/")
    rows = page.locator("tbody tr").filter(has_text=subject)
    rows = rows.filter(has_not_text=f"SEV3 {subject}")  # an alert beside the incident is told to those inside
    return sorted(rows.locator("td[data-label=To]").all_inner_texts())


def proposal_url(page: Page, stack: Stack) -> str:
    """Where the war room's link to the proposal leads."""
    link = page.locator("a[href*='/governance/proposals/']").first
    expect(link).to_be_visible()
    return stack.url + str(link.get_attribute("href"))


@pytest.mark.timeout(300)
def test_from_the_alarm_to_a_safe_protocol(desk: Desk) -> None:
    stack = desk.stack
    ana, carol, dan = (desk.person(name) for name in ("ana", "carol", "dan"))
    expect(ana.get_by_text("All calm")).to_be_visible()
    desk.shoot(ana, "1-calm")

    stack.manage("devnet", "fault", "stale-feed")
    alarm = ana.get_by_role("link", name="Stale oracle: HLX/USD")
    expect(alarm.first).to_be_visible()  # the front page heard of it by itself
    desk.shoot(ana, "2-alarm")
    alarm.first.click()

    ana.get_by_role("button", name="Take command").click()
    expect(ana.get_by_text(re.compile("Commander\\s+Ana")).first).to_be_visible()
    ana.get_by_role("link", name="Pause on a stale oracle").or_(
        ana.get_by_role("button", name="Pause on a stale oracle")
    ).first.click()
    ana.get_by_role("button", name=re.compile("Compile the plan")).click()
    ana.wait_for_load_state()
    incident = ana.locator("a[href^='/incidents/']").filter(has_text="Stale oracle").first
    if not re.search(r"/incidents/\d+/$", ana.url):
        incident.click()
    expect(step(ana, "Confirm that HLX/USD feed is stale")).to_contain_text("done")
    expect(step(ana, "Pause HelixVault from the guardian Safe")).to_contain_text("0 of 2")
    desk.shoot(ana, "3-war-room")
    ana.evaluate("() => { window.notReloaded = true }")

    url = proposal_url(ana, stack)
    carol.goto(url)
    expect(carol.get_by_text("recomputed here, the same")).to_have_count(3)
    desk.shoot(carol, "4-proposal")
    sign(carol, url, "Carol")
    expect(carol.get_by_text("Signed 1 of 2")).to_be_visible()
    expect(step(ana, "Pause HelixVault from the guardian Safe")).to_contain_text("1 of 2")
    sign(dan, url, "Dan")
    expect(dan.get_by_text("The actual changes are those that were predicted", exact=True)).to_be_visible()
    expect(carol.get_by_text("The actual changes are those that were predicted", exact=True)).to_be_visible()
    desk.shoot(carol, "5-executed", full=True)

    expect(step(ana, "Prove that HelixVault is paused")).to_contain_text("paused is true")
    expect(step(ana, "Tell the stakeholders")).to_contain_text("done")
    expect(ana.get_by_text(re.compile("All \\d steps|4 of 4 steps|done")).first).to_be_visible()
    assert ana.evaluate("() => window.notReloaded") is True
    desk.shoot(ana, "6-safe")

    told = letters(dan, stack, "Stale oracle: HLX/USD")
    assert set(told) == {f"{n}@helix.example" for n in RESPONDERS}
    assert Counter(told) - Counter(set(told)) <= Counter(["ana@helix.example"]), "only who is on call is paged besides"
    assert letters(dan, stack, "Sign: Pause HelixVault") == [f"{n}@helix.example" for n in ("carol", "dan", "erin")]
    expect_mail(dan, stack, "HelixVault is paused", ["partners@helix.example"])
    assert "the ledger verifies" in stack.manage("ledger", "verify")
    assert desk.wrong == []
    the_public_can_still_read(desk)


APPLICATION = ("web", "worker", "beat", "ledger", "watch", "redis", "postgres")


def the_public_can_still_read(desk: Desk) -> None:
    """The published copy, by itself: the whole application is killed at once, its database too, and nobody starts it
    again. The copy stays, and says that nobody confirms it any more; without a script, as its reader may be."""
    stack = desk.stack
    assert stack.process
    screen: Any = WIDTHS[desk.width]
    reader = desk.browser.new_context(viewport=screen, java_script_enabled=False).new_page()
    copy = f"http://127.0.0.1:{stack.env['STATUS_PORT']}/"
    told = reader.get_by_role("heading", name="Helix: contained")
    for _ in range(40):
        reader.goto(copy)
        if told.is_visible():
            break
        reader.wait_for_timeout(250)
    stack.process.send_signal(signal.SIGSTOP)
    try:
        for name in APPLICATION:
            os.kill(stack.pid(name), signal.SIGKILL)
        assert stack.get("/healthz")[0] == 0
        stale = reader.get_by_text("Not confirmed since")
        for _ in range(40):
            answer = reader.goto(copy)
            assert answer is not None
            assert answer.ok
            if stale.is_visible():
                break
            reader.wait_for_timeout(100)
        expect(told).to_be_visible()
        expect(stale).to_be_visible()
        expect(reader.get_by_text("HelixVault", exact=True)).to_be_visible()
        page = desk.browser.new_context(viewport=screen).new_page()
        page.goto(copy)
        wrong = Axe(page).violations()
        desk.shoot(page, "7-copy", full=True)
        page.emulate_media(color_scheme="dark")
        wrong += Axe(page).violations("color-contrast")
        desk.shoot(page, "7-copy-dark", full=True)
        assert wrong == []
    finally:
        stack.process.send_signal(signal.SIGCONT)


RESPONDERS = ("ana", "ben", "carol", "dan", "erin")


def expect_mail(page: Page, stack: Stack, subject: str, to: list[str]) -> None:
    for _ in range(40):
        if letters(page, stack, subject) == to:
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"{subject} went to {letters(page, stack, subject)}")
