"""People at their own browsers, each logged in to one stack; what goes wrong in one of them is kept."""

from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.stack import Stack

SHOTS = Path(__file__).resolve().parents[2] / "build"
WIDTHS = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
PATIENCE = 30_000


class Desk:
    """People at their own browsers; anything that goes wrong in one of them fails the test."""

    def __init__(self, browser: Browser, stack: Stack, width: str, shots: str) -> None:
        self.browser, self.stack, self.width = browser, stack, width
        self.shots = SHOTS / shots
        self.wrong: list[str] = []
        self.shots.mkdir(parents=True, exist_ok=True)

    def person(self, name: str) -> Page:
        page = self.browser.new_context(viewport=WIDTHS[self.width]).new_page()  # type: ignore[arg-type]  # a TypedDict
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.wrong.append(f"{name}: {error}"))
        page.on("console", lambda said: self.hear(name, said))
        page.goto(f"{self.stack.url}/accounts/login/")
        page.get_by_label("Username or email").fill(name)
        page.get_by_label("Password", exact=True).fill("breakglass-demo")
        page.get_by_role("button", name="Log in", exact=True).click()
        page.wait_for_url(f"{self.stack.url}/")
        return page

    def hear(self, name: str, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.wrong.append(f"{name} at {said.location['url']}:{said.location['lineNumber']}: {said.text}")

    def shoot(self, page: Page, name: str, full: bool = False) -> None:
        width = page.evaluate("() => document.scrollingElement.scrollWidth")
        assert width <= WIDTHS[self.width]["width"], f"{name} scrolls sideways"
        page.screenshot(path=self.shots / f"{name}-{self.width}.png", full_page=full)
