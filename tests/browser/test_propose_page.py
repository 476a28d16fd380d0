"""Proposing in a real Chromium: arguments appear with their function, calls are put together, and proposed."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.test_proposal_page import DESK, page_of  # noqa: F401  a fixture
from tests.stack import Stack


def test_two_calls_are_put_together_and_proposed(stack: Stack, page_of: Any) -> None:  # noqa: F811
    page = page_of(viewport=DESK)
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
    page.get_by_label("Title").fill("Stricter, then pause")
    page.get_by_role("button", name="Propose", exact=True).click()
    expect(page.get_by_role("heading", name="Stricter, then pause")).to_be_visible()
    expect(page.locator(".calls")).to_contain_text("setMode()")
    expect(page.locator(".calls")).to_contain_text("pause()")
