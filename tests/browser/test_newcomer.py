"""What a newcomer sees after `make run`: the demo's people, pages under the strict policy, a live socket."""

from playwright.sync_api import ConsoleMessage, Page, WebSocket, expect

from config.supervisor.banner import LOGINS, PASSWORD
from tests.stack import Stack


def test_the_banner_speaks_the_truth(stack: Stack, page: Page) -> None:
    """Its first login works at its address, and the page that follows is whole and live."""
    wrong: list[str] = []
    sockets: list[WebSocket] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(message.text)

    page.on("console", hear)
    page.on("websocket", lambda socket: sockets.append(socket))
    page.goto(stack.url)
    page.get_by_label("Username or email").or_(page.locator("input[name=login]")).first.fill("ana")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("form:has(input[name=password]) button[type=submit]").click()
    expect(page.locator("h1")).to_be_visible()
    expect(page).to_have_url(f"{stack.url}/")
    assert wrong == []
    assert [socket.url.split("?")[0] for socket in sockets] == [f"{stack.url.replace('http', 'ws')}/ws/"]
    assert not sockets[0].is_closed()


def test_everybody_of_the_banner_is_there(stack: Stack) -> None:
    names = [name for names, _ in LOGINS for name in names.split(", ")]
    code = (
        "from django.contrib.auth import authenticate; "
        f"print([bool(authenticate(username=name, password={PASSWORD!r})) for name in {names!r}])"
    )
    assert stack.manage("shell", "-v", "0", "-c", code).strip().splitlines()[-1] == str([True] * len(names))


def test_everything_is_ready_and_nothing_has_died(stack: Stack) -> None:
    status, answer = stack.get("/readyz")
    assert status == 200, answer
    assert answer["parts"]["chains"]["head_age_s"]["devnet"] < 20
    for log in (stack.first_log, stack.log):  # of the folder's very first start, and of this one
        assert "Breakglass is ready" in log
        assert "starting it again" not in log
        assert "Note:" not in log
    assert stack.manage("ledger", "verify").strip().endswith("the ledger verifies")
