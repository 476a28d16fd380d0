"""The links of the top bar: a room appears there when it has a page."""

from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.urls import NoReverseMatch, Resolver404, resolve, reverse


@dataclass(frozen=True)
class NavItem:
    label: str
    href: str
    icon: str
    keys: str
    current: bool = False


_ROOMS = (
    NavItem("Incidents", "/incidents/", "alarm", "g i"),
    NavItem("Runbooks", "/runbooks/", "checklist", "g r"),
    NavItem("Governance", "/governance/", "shield", "g g"),
    NavItem("Recovery", "/recovery/", "lifebuoy", "g c"),
    NavItem("Drills", "/drills/", "target", "g d"),
    NavItem("Messages", "/notify/", "message", "g m"),
    NavItem("Record", "/ledger/", "history", "g l"),
)
_DEVNET = (NavItem("Devnet mail", "/devnet/mail/", "mail", "g e"),)
_ACCOUNT = (
    ("Profile", "user", ("accounts:profile",)),
    ("How I am reached", "message", ("notify:ways",)),
    ("Approvals", "check", ("accounts:approvals",)),
    ("Wallets", "wallet", ("accounts:wallets",)),
    ("API tokens", "key", ("accounts:tokens",)),
    ("People", "users", ("accounts:people",)),
    ("Secrets", "lock", ("integrations:secrets",)),
    ("Passkeys and codes", "lock", ("mfa_index",)),
    ("Email", "mail", ("account_email",)),
    ("Password", "key", ("account_change_password",)),
)


@cache
def exists(path: str) -> bool:
    """Is there a page at this path? The URLconf does not change while we run."""
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


@cache
def first_url(names: tuple[str, ...]) -> str:
    """The address of the first of these names that the URLconf knows, or nothing."""
    for name in names:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return ""


def navigation(path: str) -> list[NavItem]:
    """What the top bar shows on the page at `path`."""
    items = _ROOMS + (_DEVNET if settings.DEVNET_ENABLED else ())
    return [
        NavItem(item.label, item.href, item.icon, item.keys, path.startswith(item.href))
        for item in items
        if exists(item.href)
    ]


def account_links() -> list[NavItem]:
    """What the user's own menu shows."""
    found = ((label, icon, first_url(names)) for label, icon, names in _ACCOUNT)
    return [NavItem(label, href, icon, "") for label, icon, href in found if href]
