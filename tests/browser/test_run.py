"""A run as a commander leads it, at a desk and on a phone: real Chromium, real processes, a real chain.

Rehearsed first, two signatures by two people, a step that fails and is tried again, then all of it taken back.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.axe import Axe
from tests.browser.desk import WIDTHS, Desk
from tests.stack import Stack

PLAYBOOK = Path(__file__).resolve().parents[1] / "fixtures" / "playbooks" / "allow-and-take-back.yaml"
SAVE = """
from pathlib import Path
from runbooks.playbooks.services import save_version
save_version(yaml=Path({path!r}).read_text(), actor="system:test")
"""


@pytest.fixture(scope="module")
def with_playbook(stack: Stack) -> Stack:
    stack.manage("shell", "-c", SAVE.format(path=str(PLAYBOOK)))
    return stack


@pytest.fixture(params=list(WIDTHS))
def desk(request: pytest.FixtureRequest, browser: Browser, with_playbook: Stack) -> Desk:
    return Desk(browser, with_playbook, request.param, "run")


def step(page: Page, title: str) -> Locator:
    """The line that carries this title; others may name it as what undoes them."""
    return page.locator(".steps > li").filter(has=page.locator(".step-title", has_text=re.compile(f"^{title}$")))


def sign(page: Page, url: str, name: str) -> None:
    """In the run's page, over the plan's hash, with the devnet wallet."""
    page.goto(url)
    page.get_by_role("button", name="Approve with a wallet").click()
    wallet = page.get_by_role("dialog")
    wallet.get_by_role("radio", name=re.compile(f"^{name}")).check()
    wallet.get_by_role("button", name="Connect").click()
    wallet.get_by_role("button", name="Sign", exact=True).click()


def look(desk: Desk, page: Page, name: str) -> None:
    """Within the screen, accessible, and a picture for people."""
    desk.shoot(page, name, full=True)
    assert Axe(page).violations() == [], name


def rehearsed(desk: Desk, ana: Page) -> str:
    """A draft, read and rehearsed, then begun. Where it is."""
    ana.goto(f"{desk.stack.url}/runbooks/playbooks/allow-and-take-back/")
    ana.get_by_label("Feed that must be fresh").select_option(index=0)
    ana.get_by_role("button", name="Rehearse it first").click()
    expect(ana.get_by_text("A draft: nothing has begun.")).to_be_visible()
    expect(ana.get_by_text("Undone by: Take the banner down again.")).to_be_visible()
    # a draft is rehearsed by itself, as soon as it is there
    expect(ana.get_by_text(re.compile("transactions? went through on a fork"))).to_be_visible()
    look(desk, ana, "1-draft")
    ana.evaluate("() => { window.notReloaded = true }")
    ana.get_by_role("button", name="Begin", exact=True).click()
    expect(step(ana, "Put the banner up").get_by_label("What did you see?")).to_be_visible()
    expect(ana.get_by_text("A draft: nothing has begun.")).to_have_count(0)
    return ana.url


def by_people(desk: Desk, ana: Page, ben: Page, url: str) -> None:
    """Evidence in words; a checklist that two tick, one of them by keyboard, each seeing the other's tick."""
    banner = step(ana, "Put the banner up")
    banner.get_by_label("What did you see?").fill("We have paused trading")
    banner.get_by_role("button", name="Done").click()
    expect(banner).to_contain_text("We have paused trading · Ana")
    ben.goto(url)
    calls = step(ben, "Tell the desks").get_by_role("button", name="The market makers were called")
    calls.focus()
    ben.keyboard.press("Space")
    expect(calls).to_have_attribute("aria-pressed", "true")
    tick = step(ana, "Tell the desks").get_by_role("button", name="The market makers were called")
    expect(tick).to_contain_text("Ben")
    look(desk, ana, "2-checklist")
    step(ana, "Tell the desks").get_by_role("button", name="The exchange desk was called").click()
    expect(step(ana, "Tell the desks")).to_contain_text("2 of 2 ticked")


def by_two_signatures(desk: Desk, ana: Page, carol: Page, dan: Page, url: str) -> None:
    agree = step(ana, "Two agree")
    expect(agree).to_contain_text("You asked for it, so somebody else decides.")
    sign(carol, url, "Carol")
    expect(step(carol, "Two agree")).to_contain_text("You have said yes.")
    expect(agree).to_contain_text("1 of 2 responders: Carol")
    look(desk, carol, "3-one-of-two")
    desk.stack.fault("stale-feed")
    sign(dan, url, "Dan")
    expect(agree).to_contain_text("approved by 2")


def failed_and_tried_again(desk: Desk, ana: Page) -> None:
    expect(step(ana, "Let HelixVault draw 1 hUSD")).to_contain_text("mined in block")
    fresh = step(ana, "Prove that the feed is fresh")
    expect(fresh).to_contain_text("feed is stale")
    keys(ana)  # what always runs has its turn before anybody decides anything
    expect(ana.get_by_text("Stopped.", exact=True)).to_be_visible()
    expect(fresh.get_by_role("button", name="Try again")).to_be_visible()
    look(desk, ana, "4-failed")
    desk.stack.fault("stale-feed", over=True)
    fresh.get_by_role("button", name="Try again").click()
    expect(fresh.locator("summary.step-proof")).to_contain_text("last answer")
    fresh.locator("summary").click()
    expect(fresh.locator(".step-log")).to_contain_text("pending by Ana")
    expect(step(ana, "Watch it for a while")).to_contain_text("waiting")


def keys(page: Page) -> None:
    step(page, "Put the keys back").get_by_role("button", name="Both keys are in the safe").click()
    expect(step(page, "Put the keys back")).to_contain_text("1 of 1 ticked")


def taken_back(desk: Desk, ana: Page, ben: Page) -> None:
    """The confirmation lists what will be undone and what cannot be; then it happens, in reverse."""
    ana.locator("summary", has_text="Roll back").click()
    order = ana.locator("form", has_text="Will be undone, in this order").locator("ol > li strong")
    expect(order).to_have_text(["Let HelixVault draw nothing", "Take the banner down"])
    ana.get_by_label("Why is it rolled back?").fill("The price was right after all.")
    look(desk, ana, "5-roll-back")
    ana.get_by_role("button", name="Undo these 2 steps").click()
    expect(step(ana, "Let HelixVault draw nothing")).to_contain_text("mined in block")
    down = step(ben, "Take the banner down")  # Ben's page has followed
    expect(down).to_contain_text("waiting")
    look(desk, ben, "6-rolling-back")
    down.get_by_role("button", name="Done").click()
    expect(step(ana, "Put the banner up")).to_contain_text("undone")
    keys(ana)
    expect(ana.get_by_text("Rolled back.", exact=True)).to_be_visible()
    look(desk, ana, "7-rolled-back")


@pytest.mark.timeout(400)
def test_a_commander_leads_a_run_there_and_back(desk: Desk) -> None:
    ana, ben, carol, dan = (desk.person(name) for name in ("ana", "ben", "carol", "dan"))
    url = rehearsed(desk, ana)
    by_people(desk, ana, ben, url)
    by_two_signatures(desk, ana, carol, dan, url)
    failed_and_tried_again(desk, ana)
    taken_back(desk, ana, ben)
    assert ana.evaluate("() => window.notReloaded") is True
    assert "the ledger verifies" in desk.stack.manage("ledger", "verify")
    assert desk.wrong == []
