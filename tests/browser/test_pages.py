"""Walks the URLconf: every page, on a desk in both themes and in a hand at night; accessible, on the screen, quiet."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from django.conf import settings
from django.core.management import call_command
from django.http import HttpRequest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import Browser, BrowserContext, CDPSession, ConsoleMessage, Error
from playwright.sync_api import Page as Tab
from pytest_django.live_server_helper import LiveServer
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import User
from tests.browser.axe import Axe
from tests.browser.pages import PAGES, Page, World, reason_not_to_visit
from tests.chain.conftest import Devnet, devnet_process

__all__ = ["devnet_process"]  # a fixture of the chain's tests

SHOTS = Path(__file__).resolve().parents[2] / "test-results" / "pages"
PICTURES = bool(os.environ.get("PICTURES"))  # of every page; a page that is wrong leaves one anyway
DESK, PHONE = (1280, 800), (390, 844)
WATCH_CSP = """addEventListener("securitypolicyviolation", (event) => {
  (window.refused ??= []).push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`);
})"""


def routes() -> list[str]:
    """Every route of the URLconf, as its patterns write it."""

    def walk(resolver: URLResolver, before: str) -> Iterator[str]:
        for entry in resolver.url_patterns:
            # A regular expression is written as a path would be: ^a/(?P<key>[-:\w]+)/$ is a/<key>/.
            route = before + re.sub(r"\(\?P(<\w+>)(?:\[[^]]*\]|[^()\[\]])*\)", r"\1", str(entry.pattern)).strip("^$")
            if isinstance(entry, URLPattern):
                yield route
            else:
                yield from walk(entry, route)

    return sorted(set(walk(get_resolver(), "")))


def address(page: Page, world: World) -> str:
    """The route with its arguments filled in."""
    arguments = page.arguments(world)
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(arguments[match[1]]), page.route)
    return f"/{path}{page.query}"


@pytest.fixture(scope="session", autouse=True)
def _beside_a_loop() -> Iterator[None]:
    """Playwright keeps an event loop running in this thread, where Django would refuse to touch the database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        # One login serves the whole walk, however slow the machine.
        patch.setattr(settings, "ACCOUNT_REAUTHENTICATION_TIMEOUT", 3600)
        yield


@pytest.fixture(scope="module")
def transactional_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """In place of pytest-django's: emptied after all pages instead of after each, since none of them changes it."""
    with django_db_blocker.unblock():
        yield
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def world(transactional_db: None, devnet_process: Devnet) -> World:
    """Made once for all pages."""
    return World(devnet_process)


@pytest.fixture(scope="module")
def site(world: World) -> Iterator[str]:
    server = LiveServer("127.0.0.1")
    yield server.url
    server.stop()


def opened(browser: Browser) -> BrowserContext:
    width, height = DESK
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="light", reduced_motion="reduce"
    )
    context.add_init_script(WATCH_CSP)
    context.route_web_socket(re.compile(r"/ws/"), lambda _socket: None)  # quiet: no server of sockets stands here
    return context


@cache
def screen_of(tab: Tab) -> CDPSession:
    """One for each tab: what a session has emulated it emulates again on the next page, whatever another one said."""
    return tab.context.new_cdp_session(tab)


def held(tab: Tab, size: tuple[int, int], *, touched: bool) -> None:
    tab.set_viewport_size({"width": size[0], "height": size[1]})
    screen_of(tab).send("Emulation.setTouchEmulationEnabled", {"enabled": touched})
    tab.emulate_media(color_scheme="light")
    settled(tab)
    assert tab.evaluate("() => [innerWidth, matchMedia('(pointer: coarse)').matches]") == [size[0], touched]


def settled(tab: Tab) -> None:
    """What follows from another theme or width has been drawn."""
    tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def log_in(context: BrowserContext, site: str, user: User) -> None:
    """As after giving the password a moment ago."""
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    request = HttpRequest()
    request.session, request.user = client.session, user
    reauthenticate_by_password(request)
    request.session.save()
    context.add_cookies([{"name": name, "value": m.value, "url": site} for name, m in client.cookies.items()])


Visitors = Callable[[str | None], Tab]


@pytest.fixture(scope="module")
def visitors(browser: Browser, site: str, world: World) -> Iterator[Visitors]:
    """One tab a person: what is the same on every page is loaded, and compiled, once."""
    tabs: dict[str | None, Tab] = {}

    def visitor(who: str | None) -> Tab:
        if who not in tabs:
            tabs[who] = opened(browser).new_page()
        if who is not None:  # each time anew: some pages ask for a password given within minutes
            log_in(tabs[who].context, site, getattr(world, who))
        return tabs[who]

    yield visitor
    for tab in tabs.values():
        tab.context.close()


def check_frame(tab: Tab) -> list[str]:
    """What can be wrong with any page, whatever it shows."""
    wrong: list[str] = []
    wide, screen = tab.evaluate("() => [document.scrollingElement.scrollWidth, document.documentElement.clientWidth]")
    if wide > screen:
        outside = tab.evaluate(
            """() => [...document.querySelectorAll("body *")]
              .filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
              .slice(0, 5).map((e) => e.outerHTML.slice(0, 120))"""
        )
        wrong.append(f"scrolls sideways: {wide} > {screen}: {outside}")
    if (headings := tab.locator("h1").count()) != 1:
        wrong.append(f"{headings} h1")
    if not tab.title().removesuffix("Breakglass").strip(" ·"):
        wrong.append("no title of its own")
    wrong += tab.evaluate("() => window.refused ?? []")
    return wrong


def at_a_desk(tab: Tab, axe: Axe, name: str) -> list[str]:
    wrong = check_frame(tab) + [f"light: {each}" for each in axe.violations()]
    picture(tab, f"{name}-desk-light", wrong)
    if PICTURES:
        in_the_dark(tab)
        picture(tab, f"{name}-desk-dark", wrong)
    return wrong


def in_a_hand(tab: Tab, axe: Axe, name: str) -> list[str]:
    """At night: what is light was looked at on the desk."""
    held(tab, PHONE, touched=True)
    wrong = check_frame(tab)
    picture(tab, f"{name}-phone-light", wrong)
    in_the_dark(tab)
    wrong += [f"dark: {each}" for each in axe.violations()]
    picture(tab, f"{name}-phone-dark", wrong)
    return wrong


def in_the_dark(tab: Tab) -> None:
    tab.emulate_media(color_scheme="dark")
    settled(tab)


def picture(tab: Tab, name: str, wrong: list[str]) -> None:
    if PICTURES or wrong:
        tab.screenshot(path=SHOTS / f"{name}.png", full_page=True)


@contextmanager
def heard(tab: Tab, said: list[str], page: Page) -> Iterator[None]:
    """What the browser complains of while somebody is on this page."""

    def warned(message: ConsoleMessage) -> None:
        expected = page.status >= 400 and f"status of {page.status}" in message.text
        if message.type in ("error", "warning") and not expected:
            said.append(f"console: {message.text}")

    def failed(error: Error) -> None:
        said.append(f"script: {error}")

    tab.on("console", warned)
    tab.on("pageerror", failed)
    yield
    tab.remove_listener("console", warned)
    tab.remove_listener("pageerror", failed)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_page(page: Page, visitors: Visitors, site: str, world: World) -> None:
    said: list[str] = []
    name = re.sub(r"\W+", "-", str(page)).strip("-")
    url = site + address(page, world)
    tab = visitors(page.who)
    with heard(tab, said, page):
        held(tab, DESK, touched=False)
        answer = tab.goto(url)
        assert answer is not None
        assert answer.status == page.status
        assert tab.url == url, "answered at another address"
        axe = Axe(tab)
        wrong = [f"desk: {each}" for each in at_a_desk(tab, axe, name)]
        wrong += [f"phone: {each}" for each in in_a_hand(tab, axe, name)]
    assert wrong + said == []


def refuses_get(client: Client, route: str) -> bool:
    """Only for POST: found out by asking."""
    path = re.sub(r"<int:\w+>", "1", route)
    return client.get("/" + re.sub(r"<[\w:]+>", "x", path)).status_code == 405


def test_every_route_is_visited_or_named_as_no_page(world: World) -> None:
    client = Client()
    client.force_login(world.admin, backend="allauth.account.auth_backends.AuthenticationBackend")
    known = {page.route for page in PAGES}
    unknown = [route for route in routes() if route not in known and not reason_not_to_visit(route)]
    missing = [route for route in unknown if not refuses_get(client, route)]
    assert missing == [], "add them to tests/browser/pages.py"


def test_every_entry_still_has_its_route() -> None:
    assert [str(page) for page in PAGES if page.route not in routes()] == []
