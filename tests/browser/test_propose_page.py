"""Proposing in a real Chromium: arguments appear with their function, calls are put together, the queue follows."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.test_proposal_page import DESK, PHONE, page_of, sessions  # noqa: F401  fixtures
from tests.stack import Stack


def withdraw(page: Page) -> None:
    """Leave the Safe as it was found: others of this session use it too."""
    page.get_by_text("Remind, withdraw or reject").click()
    page.get_by_label("Why it is withdrawn").fill("only tried")
    page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.locator("#proposal-status")).to_have_attribute("data-status", "rejected")


def test_two_calls_are_put_together_and_the_queue_follows(stack: Stack, page_of: Any) -> None:  # noqa: F811
    page, phone = page_of(viewport=DESK), page_of(viewport=PHONE)
    phone.goto("/governance/safes/")
    phone.get_by_role("link", name="Guardian Safe").click()
    expect(phone.get_by_role("heading", name="Queue")).to_be_visible()

    page.goto("/governance/proposals/new/")
    page.get_by_label("What is called").select_option(label="HelixVault.setMode(uint8)")
    expect(page.locator("#call-fields")).to_contain_text("uint8, such as 3600")
    page.locator("#id_argument-0").fill("many")
    page.get_by_role("button", name="Add it, then another call").click()
    expect(page.locator(".field-error")).to_contain_text("not a whole number")
    page.locator("#id_argument-0").fill("1")
    page.get_by_role("button", name="Add it, then another call").click()
    expect(page.get_by_role("heading", name="1 call")).to_be_visible()
    page.get_by_label("What is called").select_option(label="HelixVault.pause()")
    expect(page.locator("#call-fields")).to_contain_text("It takes no arguments")
    page.get_by_label("Safe", exact=True).select_option(label="Guardian Safe")
    page.get_by_label("Title").fill("Stricter, then pause")
    page.get_by_role("button", name="Propose", exact=True).click()
    expect(page.get_by_role("heading", name="Stricter, then pause")).to_be_visible()
    expect(page.locator(".calls")).to_contain_text("setMode()")
    expect(page.locator(".calls")).to_contain_text("pause()")

    entry = phone.locator(".place-entries > li").filter(has_text="Stricter, then pause")
    expect(entry).to_be_visible()  # by itself: the page hears of it
    entry.get_by_role("button", name="Propose a rejection").click()
    expect(phone.get_by_role("heading", name="Reject: Stricter, then pause")).to_be_visible()
    expect(phone.get_by_role("heading", name="Its place in the queue")).to_be_visible()
    withdraw(phone)
    withdraw(page)
