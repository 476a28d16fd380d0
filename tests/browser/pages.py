"""Every address that answers GET with a page, and what to show there.

`test_pages.py` walks the URLconf and fails for a route that is neither here nor in `NOT_PAGES`: a new page adds one line.
What a route's arguments need is made once a module by `World`, from the rooms' own services.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from accounts.models import User
from tests.people import person


class World:
    """What the pages show; each thing is made when the first page asks for it."""

    @cached_property
    def admin(self) -> User:
        return person("ana", "admin", "commander", "responder", with_password=True)

    @cached_property
    def viewer(self) -> User:
        return person("val", "viewer", with_password=True)


Arguments = Callable[[World], Mapping[str, object]]


@dataclass(frozen=True)
class Page:
    """`route` as the URLconf writes it; `who` is an attribute of World, or None for somebody not logged in."""

    route: str
    arguments: Arguments = field(default=lambda _world: {})
    who: str | None = "admin"
    query: str = ""
    status: int = 200
    name: str = ""

    def __str__(self) -> str:
        return self.name or f"{self.route}{self.query}" or "front"


PAGES: list[Page] = [
    # logging in and one's own account
    Page("accounts/login/", who=None),
    Page("accounts/signup/", who=None),
    Page("accounts/password/reset/", who=None),
    Page("accounts/password/reset/done/", who=None),
    Page("accounts/password/reset/key/done/", who=None),
    Page("accounts/inactive/", who=None),
    Page("accounts/confirm-email/", who=None),
    Page("accounts/logout/"),
    Page("accounts/email/"),
    Page("accounts/password/change/"),
    Page("accounts/reauthenticate/"),
    Page("accounts/2fa/"),
    Page("accounts/sessions/"),
    # the devnet's
    Page("devnet/style/"),
    Page("devnet/style/", who=None, query="?toast=1", name="style page with toasts"),
    *(
        Page("devnet/style/error/<int:status>/", lambda _world, s=status: {"status": s}, None, "", status, f"error {status}")
        for status in (400, 403, 404, 409, 429, 500)
    ),
]

# Routes (or beginnings of routes, ending in *) that are no pages, and why.
NOT_PAGES: dict[str, str] = {
    "healthz": "JSON",
    "readyz": "JSON",
    "metrics": "Prometheus text",
    "api/*": "JSON",
    "^api/*": "JSON",
}


def reason_not_to_visit(route: str) -> str:
    """Why this route is no page, or an empty text."""
    for pattern, reason in NOT_PAGES.items():
        if route == pattern or (pattern.endswith("*") and route.startswith(pattern[:-1])):
            return reason
    return ""
