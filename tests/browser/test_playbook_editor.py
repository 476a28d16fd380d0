"""Writing a playbook in a real Chromium: a mistake told while typing, put right, saved, and seen as a difference."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from runbooks.playbooks.models import PlaybookVersion
from runbooks.playbooks.services import save_version
from tests.people import person

SHOTS = Path(__file__).resolve().parents[2] / "test-results" / "editor"
SIZES = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
BOOK = """\
playbook: look
title: Look at it
summary: Looks at the thing once and then waits.
steps:
  - id: first
    title: Look once
    manual: {instruction: Look., evidence: text}
    expect: 1m
  - id: second
    title: Let it settle
    wait: {duration: 1m}
"""

Open = Callable[[str, str], Page]


@pytest.fixture
def site(transactional_db: None) -> Iterator[str]:
    server = LiveServer("127.0.0.1")
    yield server.url
    server.stop()


@pytest.fixture
def opened(browser: Browser, site: str) -> Iterator[Open]:
    """A commander's page, at a size; whatever the browser complains of fails the test."""
    contexts, said = [], []
    client = Client()
    client.force_login(person("carla", "commander"), backend="allauth.account.auth_backends.AuthenticationBackend")

    def make(path: str, size: str) -> Page:
        context = browser.new_context(viewport=SIZES[size], color_scheme="light", reduced_motion="reduce")
        contexts.append(context)
        context.route_web_socket(re.compile(r"/ws/"), lambda _socket: None)
        context.add_cookies([{"name": name, "value": m.value, "url": site} for name, m in client.cookies.items()])
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda line: said.append(line.text) if "Content Security" in line.text else None)
        page.goto(site + path)
        return page

    yield make
    for context in contexts:
        context.close()
    assert said == []


def replaced(page: Page, old: str, new: str) -> None:
    """Select a part of the text as a person does, and type over it."""
    page.get_by_label("YAML of the playbook").evaluate(
        """(field, old) => { const at = field.value.indexOf(old);
        field.focus(); field.setSelectionRange(at, at + old.length); }""",
        old,
    )
    page.keyboard.type(new)


@pytest.mark.parametrize("size", SIZES)
def test_from_a_mistake_to_the_difference(opened: Open, site: str, size: str) -> None:
    save_version(yaml=BOOK, actor="user:1")
    page = opened("/runbooks/playbooks/look/edit/", size)
    SHOTS.mkdir(parents=True, exist_ok=True)
    expect(page.locator(".editor-verdict")).to_have_text(re.compile("No mistakes."))
    graph = page.get_by_role("region", name="Graph of the steps")
    expect(graph.get_by_role("link")).to_have_count(2)

    replaced(page, "wait: {duration", "wayt: {duration")
    told = page.get_by_role("link", name=re.compile("`wayt` is not known here"))
    expect(told).to_contain_text("11:5")
    expect(told).to_contain_text("did you mean `wait`?")
    expect(page.locator(".editor-mark")).to_have_count(2)  # the word, and the step that now does nothing
    expect(graph.get_by_role("link")).to_have_count(2)  # the last graph stays, faded
    page.screenshot(path=SHOTS / f"mistake-{size}.png", full_page=True)

    told.click()
    field = page.get_by_label("YAML of the playbook")
    expect(field).to_be_focused()
    chosen = field.evaluate("(field) => field.value.slice(field.selectionStart, field.selectionEnd)")
    assert chosen == "wayt: {duration: 1m}"

    page.keyboard.type("wait: {duration: 5m}")
    expect(page.locator(".editor-verdict")).to_have_text(re.compile("No mistakes."))
    page.keyboard.press("Enter")  # keeps the indent of the line above
    page.keyboard.type("expect: 5m")
    assert "    wait: {duration: 5m}\n    expect: 5m\n" in field.input_value()
    expect(graph.get_by_role("link", name=re.compile("Let it settle"))).to_contain_text("5m")

    page.get_by_label("What changed, and why").fill("it settles slowly")
    field.focus()
    page.keyboard.press("Control+s")
    expect(page).to_have_url(f"{site}/runbooks/playbooks/look/")
    expect(page.get_by_role("status", name="Messages")).to_contain_text("Saved as version 2.")
    newest = PlaybookVersion.objects.get(number=2)
    assert (newest.yaml.count("5m"), newest.note) == (2, "it settles slowly")

    page.get_by_role("link", name="Compare").click()
    meaning = page.get_by_role("region", name="What a run would do otherwise")
    expect(meaning).to_contain_text(re.compile(r"changed\s+step second", re.IGNORECASE))
    expect(meaning).to_contain_text("wait.duration")
    lines = page.get_by_role("region", name="Lines, side by side" if size == "desk" else "Lines, one below the other")
    expect(lines.locator("ins").filter(has_text="5m").first).to_be_visible()
    page.screenshot(path=SHOTS / f"difference-{size}.png", full_page=True)


@pytest.mark.parametrize("size", sorted(SIZES))
def test_a_wide_graph_begins_at_its_first_step_and_an_address_in_a_title_is_no_wider_than_a_phone(
    opened: Open, size: str
) -> None:
    lanes = "".join(f"        - {{id: s{number}, wait: {{duration: 1s}}}}\n" for number in range(12))
    book = BOOK.replace("Look at it", f"Look at 0x{'ab' * 20} at once")
    save_version(yaml=f"{book}  - id: all\n    parallel:\n      steps:\n{lanes}", actor="system:test")
    for path in ("/runbooks/playbooks/look/edit/", "/runbooks/playbooks/look/", "/runbooks/"):
        page = opened(path, size)
        assert page.evaluate("document.documentElement.scrollWidth") == SIZES[size]["width"], path
        if path != "/runbooks/":
            frame, first = (page.locator(one).first.bounding_box() for one in ("bg-graph", ".graph-step"))
            assert frame and first and frame["x"] <= first["x"] <= frame["x"] + frame["width"] - first["width"]


def test_somebody_else_was_faster(opened: Open) -> None:
    save_version(yaml=BOOK, actor="user:1")
    page = opened("/runbooks/playbooks/look/edit/", "phone")
    save_version(yaml=BOOK.replace("expect: 1m", "expect: 3m"), actor="user:1", note="three minutes")
    replaced(page, "Look once", "Look hard")
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.get_by_role("alert")).to_contain_text("saved version 2 while you were editing")
    expect(page.get_by_text("What they changed: three minutes")).to_be_visible()
    expect(page.get_by_label("YAML of the playbook")).to_have_value(re.compile("Look hard"))
    page.screenshot(path=SHOTS / "conflict-phone.png", full_page=True)
    page.get_by_role("button", name="Save as version 3").click()
    expect(page.get_by_role("status", name="Messages")).to_contain_text("Saved as version 3.")
    assert "Look hard" in PlaybookVersion.objects.get(number=3).yaml


def test_the_keyboard_goes_in_and_out(opened: Open) -> None:
    save_version(yaml=BOOK, actor="user:1")
    page = opened("/runbooks/playbooks/look/edit/", "desk")
    field = page.get_by_label("YAML of the playbook")
    field.focus()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Tab")
    expect(field).to_have_value("  " + BOOK)
    page.keyboard.press("Shift+Tab")
    expect(field).to_have_value(BOOK)
    page.keyboard.press("Control+a")
    page.keyboard.press("Tab")
    expect(field).to_have_value(re.sub(r"(?m)^(?=.)", "  ", BOOK))
    page.keyboard.press("Control+z")
    expect(field).to_have_value(BOOK)
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(field).not_to_be_focused()
    box = page.get_by_role("region", name="Graph of the steps").get_by_role("link", name=re.compile("Let it settle"))
    box.focus()
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    assert field.evaluate("(f) => f.value.slice(0, f.selectionStart).split('\\n').length") == 9


def test_without_a_script_the_form_checks_and_saves(browser: Browser, site: str) -> None:
    save_version(yaml=BOOK, actor="user:1")
    client = Client()
    client.force_login(person("dora", "commander"), backend="allauth.account.auth_backends.AuthenticationBackend")
    with browser.new_context(java_script_enabled=False) as context:
        context.add_cookies([{"name": name, "value": m.value, "url": site} for name, m in client.cookies.items()])
        page = context.new_page()
        page.goto(f"{site}/runbooks/playbooks/look/edit/")
        page.get_by_label("YAML of the playbook").fill(BOOK.replace("wait:", "wayt:"))
        page.get_by_role("button", name="Check").click()
        expect(page.get_by_text("`wayt` is not known here")).to_be_visible()
        page.get_by_label("YAML of the playbook").fill(BOOK.replace("1m", "2m"))
        page.get_by_role("button", name="Save as version 2").click()
        expect(page).to_have_url(f"{site}/runbooks/playbooks/look/")
    assert PlaybookVersion.objects.count() == 2
