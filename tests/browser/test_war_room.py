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

    @property
    def said(self) -> Locator:
        return self.page.locator("#command-said")

    def begin(self, line: str) -> None:
        """Call the box and write, without sending it."""
        self.press("/")
        expect(self.line).to_be_focused()
        self.page.keyboard.type(line)

    def say(self, line: str, answer: str | re.Pattern[str] = "") -> None:
        """Call the box, write a line into it, send it."""
        self.begin(line)
        self.press("Enter")
        if answer:
            expect(self.said).to_contain_text(answer)
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


def both_take_command(ana: Leader, ben: Leader) -> None:
    """Both have written it before either sends: the second is told who was first, and takes nothing away unawares."""
    for leader in (ana, ben):
        leader.begin("take")
    ana.press("Enter")
    expect(ana.said).to_contain_text("You command.")
    expect(ben.page.locator("#incident-head")).to_contain_text("Commander Ana")
    expect(ben.line).to_be_focused()
    ben.press("Enter")
    expect(ben.said).to_contain_text("Ana commands already. to take it over all the same: /take over")
    expect(ben.line).to_have_value("/take")
    ben.line.fill("")
    for leader in (ana, ben):
        leader.press("Escape", "Escape")
    expect(ben.page.locator("#incident-head")).to_contain_text("Commander Ana")


def words_and_focus_stay(ana: Leader, ben: Leader) -> None:
    """While the one writes, or stands on a part that is drawn anew, the other acts."""
    tasks = ben.page.locator("#board-tasks > summary")
    tasks.focus()
    ben.press("Enter")
    ana.say("task Count what is left", "Task 2.")
    expect(tasks).to_have_text("Tasks 2")
    expect(tasks).to_be_focused()
    expect(ben.page.locator("#board-tasks li").last).to_contain_text("Count what is left")
    ben.begin("note half a th")
    ana.say("sev 2 it slows down", "It is SEV2.")
    expect(ben.page.locator("#incident-head")).to_contain_text("SEV2")
    expect(ben.line).to_be_focused()
    ben.page.keyboard.type("ought")
    ben.press("Enter")
    ana.follows("half a thought")
    ben.press("Escape", "Escape")
    ana.say("sev 1 it does not", "It is SEV1.")


def a_playbook_is_started(ana: Leader, ben: Leader) -> None:
    """It leads to a page of its own and back; the other sees its steps without going anywhere."""
    ana.press("x")
    ana.page.keyboard.type("signer-r")
    expect(ana.options).to_have_count(1)
    ana.press("Tab", "Enter")
    start = ana.page.get_by_role("button", name="Compile the plan and start")
    start.focus()
    ana.press("Enter")
    expect(ana.page).to_have_url(re.compile(r"/incidents/\d+/$"))
    for leader in (ana, ben):
        expect(leader.page.locator("#incident-run h2").first).to_contain_text("Are enough signers reachable?")


def both_close_it(ana: Leader, ben: Leader) -> None:
    """At the same moment: one does it, the other is told who did."""
    expect(ana.page.locator("#incident-head")).to_contain_text("restored")
    for leader in (ana, ben):
        leader.begin("close nothing was lost")
    for leader in (ana, ben):
        leader.press("Enter")
    first = re.compile("It is closed\\.|It is closed already: (Ana|Ben) was first")
    for leader in (ana, ben):
        expect(leader.said).to_have_text(first)
        expect(leader.page.locator("#incident-head")).to_contain_text("closed")
    told = sorted(leader.said.inner_text().split(".")[0].split(":")[0] for leader in (ana, ben))
    assert told == ["It is closed", "It is closed already"]


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
    both_take_command(ana, ben)

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

    words_and_focus_stay(ana, ben)
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
    ana.say("note The exchange called back.", "Noted.")
    ana.say("page @ben Come to the bridge.", "Called: Ben.")
    ben.follows("The exchange called back.")
    a_playbook_is_started(ana, ben)
    ana.page.evaluate("() => { window.notReloaded = true }")
    ana.shoot("led")
    ben.shoot("led")

    ana.say("handover @ben I must sleep.", "until then nothing changes")
    expect(ben.page.get_by_text("You are asked to take command.")).to_be_visible()
    ben.say("take", "You command.")
    expect(ana.page.locator("#incident-head")).to_contain_text("Commander Ben")
    ben.say("contain paused by hand", "It is contained.")
    ben.say("restore", "It is restored.")
    both_close_it(ana, ben)
    ana.follows("closed the incident", "took command", "I must sleep.")
    for leader in (ana, ben):
        box_is_in_sight(leader.page)
        assert leader.page.evaluate("() => window.pointed") is None, "a key would have done"
    assert ana.page.evaluate("() => window.notReloaded") is True
    assert [one for one in desk.wrong if "status of 409" not in one] == []
