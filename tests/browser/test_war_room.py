"""Two people lead one incident at once, one at a desk and one with a phone, and neither touches anything but keys."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.desk import Desk
from tests.stack import Stack

NO_POINTER = "addEventListener('pointerdown', () => { window.pointed = true }, true)"


class Leader:
    """Somebody with a keyboard."""

    def __init__(self, desk: Desk, name: str, width: str) -> None:
        desk.width = width
        self.desk, self.width = desk, width
        self.page: Page = desk.person(name)
        self.page.add_init_script(NO_POINTER)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def shoot(self, name: str) -> None:
        self.desk.width = self.width
        self.desk.shoot(self.page, name)

    @property
    def line(self) -> Locator:
        return self.page.locator("#command-line")

    @property
    def options(self) -> Locator:
        return self.page.locator("#command-options > li")

    def say(self, line: str, answer: str | re.Pattern[str] = "") -> None:
        """Call the box, write a line into it, send it."""
        self.press("/")
        expect(self.line).to_be_focused()
        self.page.keyboard.type(line)
        self.press("Enter")
        if answer:
            expect(self.page.locator("#command-said")).to_contain_text(answer)
            expect(self.line).to_have_value("")
        self.press("Escape", "Escape")

    def follows(self, *words: str) -> None:
        """The page has heard of it by itself."""
        for one in words:
            expect(self.page.locator("#timeline-all")).to_contain_text(one)


@pytest.fixture
def desk(browser: Browser, stack: Stack) -> Iterator[Desk]:
    desk = Desk(browser, stack, "desktop", "war-room")
    yield desk
    for context in browser.contexts:
        context.close()


def box_is_in_sight(page: Page) -> None:
    """At the bottom, whole, whatever else there is."""
    box = page.locator("#command-line").bounding_box()
    size = page.viewport_size
    assert box and size and size["height"] - 80 < box["y"] + box["height"] <= size["height"], (box, size)


def test_two_people_lead_with_the_keyboard_alone(desk: Desk) -> None:
    ana, ben = Leader(desk, "ana", "desktop"), Leader(desk, "ben", "phone")
    ana.page.goto(f"{desk.stack.url}/incidents/open/")
    ana.page.get_by_label("Title").focus()
    ana.page.keyboard.type("Outflow above its limit")
    ana.press("Enter")
    expect(ana.page).to_have_url(re.compile(r"/incidents/\d+/$"))
    ana.page.evaluate("() => { window.notReloaded = true }")
    ben.page.goto(ana.page.url)  # as its mail tells
    for leader in (ana, ben):
        expect(leader.page.locator("bg-here")).to_have_text("here: Ana, Ben")
        box_is_in_sight(leader.page)
    ana.say("take", "You command.")
    expect(ben.page.locator("#incident-head")).to_contain_text("Commander Ana")

    ben.press("/")
    ben.page.keyboard.type("ro")
    expect(ben.options).to_have_count(1)
    ben.press("Tab")
    expect(ben.line).to_have_value("/role ")
    ben.page.keyboard.type("sig")
    expect(ben.options).to_have_text([re.compile("nobody")])  # one, once the others are gone
    ben.press("ArrowDown", "Enter")
    ben.page.keyboard.type("be")
    expect(ben.options).to_have_text([re.compile("@ben")])
    ben.press("Tab", "Enter")
    expect(ana.page.locator("#incident-stakes")).to_contain_text(re.compile(r"Signer liaison\s*Ben"))

    ana.say("task Call the exchanges @ben", "Task 1 for Ben.")
    given = ben.page.get_by_text("Given to you:")
    expect(given).to_be_visible()
    ben.shoot("given")
    expect(ana.page.get_by_text("Given to you:")).to_be_hidden()
    ben.say("seen", "Good.")
    expect(given).to_be_hidden()

    ben.say("sev 9")
    expect(ben.page.locator("#command-said")).to_contain_text("is not known")
    expect(ben.line).to_have_value("/sev 9")
    ben.line.focus()
    ben.press("Backspace")
    ben.page.keyboard.type("1 worse")
    ben.press("Enter")
    expect(ana.page.locator("#incident-head")).to_contain_text("SEV1")
    ben.press("Escape", "Escape")

    ana.press("u")
    expect(ana.line).to_have_value("/update ")
    ana.page.keyboard.type("15m Trading is stopped.")
    ana.press("Enter")
    ben.follows("Trading is stopped.", "raised the severity to SEV1", "opened task 1")
    ana.press("Escape", "Escape", "?")
    keys = ana.page.get_by_role("dialog", name="Keyboard")
    expect(keys).to_contain_text("Give a role: /role")
    ana.press("Escape")
    ben.say("funds risk 41.2M", "Funds at risk: $41.2M.")
    ben.say("address 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 at-risk The thief", "The thief is on the board")
    expect(ana.page.locator("#incident-stakes")).to_contain_text("$41.2M")
    expect(ana.page.locator("#board-addresses > summary")).to_have_text("Addresses 1")
    ana.shoot("led")
    ben.shoot("led")

    ana.say("handover @ben I must sleep.", "until then nothing changes")
    expect(ben.page.get_by_text("You are asked to take command.")).to_be_visible()
    ben.say("take", "You command.")
    expect(ana.page.locator("#incident-head")).to_contain_text("Commander Ben")
    ben.say("contain paused by hand", "It is contained.")
    ben.say("restore", "It is restored.")
    ben.say("close nothing was lost", "It is closed.")
    ana.follows("closed the incident", "took command", "I must sleep.")
    for leader in (ana, ben):
        box_is_in_sight(leader.page)
        assert leader.page.evaluate("() => window.pointed") is None, "a key would have done"
    assert ana.page.evaluate("() => window.notReloaded") is True
    assert [one for one in desk.wrong if "status of 409" not in one] == []
