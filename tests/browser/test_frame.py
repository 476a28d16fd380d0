"""What every page carries: the command box, shortcuts, the theme, copying, hashes that open, messages."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

HASH = "0x0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0"


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = LiveServer("127.0.0.1")  # the style page asks the database nothing
    yield server.url
    server.stop()


@pytest.fixture
def tab(browser: Browser, site: str) -> Iterator[Page]:
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"], color_scheme="light") as context:
        page = context.new_page()
        page.goto(f"{site}/devnet/style/")
        yield page


def background(page: Page) -> str:
    return str(page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor"))


def chosen(page: Page) -> Locator:
    return page.locator("#command-list [aria-selected=true]")


def test_the_command_box_finds_and_does(tab: Page) -> None:
    tab.keyboard.press("/")
    box = tab.get_by_role("combobox", name="Command")
    expect(box).to_be_focused()
    box.fill("toasts two")
    expect(chosen(tab)).to_have_text("Show two toasts")
    box.press("Enter")
    expect(tab).to_have_url(re.compile(r"\?toast=1$"))
    expect(tab.locator(".toast")).to_have_count(2)


def test_the_command_box_says_when_it_finds_nothing_and_leaves(tab: Page) -> None:
    tab.keyboard.press("/")
    box = tab.get_by_role("combobox", name="Command")
    box.fill("zzz")
    expect(tab.locator(".palette-note")).to_have_text("Nothing here has that name.")
    box.press("Enter")
    box.press("Escape")
    expect(box).to_be_hidden()
    expect(tab).to_have_url(re.compile(r"/devnet/style/$"))


def test_the_list_of_keys_tells_the_pages_own(tab: Page) -> None:
    tab.keyboard.press("?")
    dialog = tab.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_be_visible()
    expect(dialog.locator("dd", has_text="Go to the front page")).to_have_count(1)
    tab.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_keys_are_letters_while_somebody_types(tab: Page) -> None:
    field = tab.get_by_label("Title").first
    field.focus()
    tab.keyboard.type("g/?")
    expect(field).to_have_value("g/?")
    expect(tab.locator("dialog[open]")).to_have_count(0)


def test_the_theme_is_kept_and_there_before_the_first_paint(tab: Page) -> None:
    light = background(tab)
    button = tab.get_by_role("button", name=re.compile("^Theme")).first
    button.click()
    assert background(tab) == light
    button.click()
    dark = background(tab)
    assert dark != light
    tab.reload(wait_until="commit")
    tab.wait_for_load_state("domcontentloaded")
    assert background(tab) == dark


def test_copying_gives_the_whole_value_and_says_so(tab: Page) -> None:
    tab.get_by_role("button", name="Copy safeTxHash").first.click()
    expect(tab.get_by_role("button", name="Copied safeTxHash")).to_be_visible()
    assert tab.evaluate("() => navigator.clipboard.readText()") == HASH


def test_a_short_hash_opens(tab: Page) -> None:
    toggle = tab.locator(".hash-toggle").first
    expect(toggle).to_have_attribute("aria-expanded", "false")
    toggle.click()
    expect(toggle.locator(".hash-full")).to_have_text(HASH)
    expect(toggle.locator(".hash-full")).to_be_visible()


def test_an_error_stays_until_it_is_dismissed(tab: Page) -> None:
    tab.evaluate("() => document.dispatchEvent(new CustomEvent('toast', {detail: {kind: 'error', text: '<b>no</b>'}}))")
    toast = tab.locator(".toast-error")
    expect(toast).to_contain_text("<b>no</b>")
    toast.get_by_role("button", name="Dismiss").click()
    expect(toast).to_have_count(0)


def test_a_whole_error_page_never_lands_in_a_small_place(tab: Page) -> None:
    tab.evaluate(
        """() => {
          document.querySelector("#s-errors").insertAdjacentHTML(
            "afterend", '<button id="ask" hx-get="/devnet/style/error/409/" hx-target="#s-errors">Ask</button>');
          htmx.process(document.querySelector("#ask"));
        }"""
    )
    tab.locator("#ask").click()
    expect(tab.locator(".toast-error")).to_contain_text("had already changed")
    expect(tab.locator("#s-errors")).to_have_text("Error pages and toasts")


def test_without_scripts_nothing_is_hidden_that_one_needs(browser: Browser, site: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{site}/devnet/style/")
        expect(page.locator(".hash-toggle .hash-full").first).to_be_visible()
        expect(page.get_by_role("button", name="Copy safeTxHash")).to_have_count(0)
        page.locator(".menu-user summary").click()
        expect(page.locator(".menu-user .menu-sheet")).to_be_visible()
