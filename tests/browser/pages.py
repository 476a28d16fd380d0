"""Every address that answers GET with a page, and what to show there.

`test_pages.py` walks the URLconf and fails for a route that is neither here nor in `NOT_PAGES`: add a line.
What a route's arguments need is made once a module by `World`, from the rooms' own services.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

from accounts.models import User
from tests.passkeys import add_passkey
from tests.people import person


class World:
    """What the pages show; each thing is made when the first page asks for it."""

    @cached_property
    def admin(self) -> User:
        user = person("ana", "admin", "commander", "responder", with_password=True)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user

    @cached_property
    def viewer(self) -> User:
        return person("val", "viewer", with_password=True)

    @cached_property
    def newcomer(self) -> User:
        """Has no password yet, and an address that waits for its confirmation."""
        return person("nora", "viewer")

    @cached_property
    def confirmation(self) -> EmailConfirmationHMAC:
        return EmailConfirmationHMAC(EmailAddress.objects.create(user=self.newcomer, email=self.newcomer.email))

    @cached_property
    def careful(self) -> User:
        """Has an authenticator app, recovery codes and a passkey."""
        user = person("cleo", "responder", with_password=True)
        TOTP.activate(user, generate_totp_secret())
        RecoveryCodes.activate(user)
        add_passkey(user, "Key on the desk")
        return user

    @cached_property
    def passkey(self) -> Authenticator:
        return Authenticator.objects.get(user=self.careful, type=Authenticator.Type.WEBAUTHN)


Arguments = Callable[[World], Mapping[str, object]]


def nothing(_world: World) -> Mapping[str, object]:
    return {}


@dataclass(frozen=True)
class Page:
    """`route` as the URLconf writes it; `who` is an attribute of World, or None for somebody not logged in."""

    route: str
    arguments: Arguments = nothing
    who: str | None = "admin"
    query: str = ""
    status: int = 200
    name: str = ""

    def __str__(self) -> str:
        return self.name or f"{self.route}{self.query}" or "front"


def passkey(world: World) -> Mapping[str, object]:
    return {"pk": world.passkey.pk}


ERRORS = (400, 403, 404, 409, 429, 500)


def error(status: int) -> Page:
    return Page(
        "devnet/style/error/<int:status>/",
        lambda _world: {"status": status},
        who=None,
        status=status,
        name=f"error {status}",
    )


PAGES: list[Page] = [
    Page("api/docs/"),
    # logging in
    Page("accounts/login/", who=None),
    Page("accounts/signup/", who=None),
    Page("accounts/password/reset/", who=None),
    Page("accounts/password/reset/done/", who=None),
    Page("accounts/password/reset/key/done/", who=None),
    Page("accounts/password/reset/key/<uidb36>-<key>/", lambda _world: {"uidb36": "1", "key": "stale"}, who=None),
    Page("accounts/inactive/", who=None),
    Page("accounts/confirm-email/", who=None),
    Page("accounts/confirm-email/<key>/", lambda world: {"key": world.confirmation.key}, who=None),
    Page("accounts/3rdparty/login/cancelled/", who=None),
    Page("accounts/3rdparty/login/error/", who=None, status=401),
    # one's own account
    Page("accounts/logout/"),
    Page("accounts/email/"),
    Page("accounts/password/change/"),
    Page("accounts/password/set/", who="newcomer"),
    Page("accounts/reauthenticate/"),
    Page("accounts/3rdparty/"),
    Page("accounts/sessions/"),
    Page("accounts/2fa/"),
    Page("accounts/2fa/", who="careful", name="2fa in use"),
    Page("accounts/2fa/reauthenticate/", who="careful"),
    Page("accounts/2fa/totp/activate/"),
    Page("accounts/2fa/totp/deactivate/", who="careful"),
    Page("accounts/2fa/recovery-codes/", who="careful"),
    Page("accounts/2fa/recovery-codes/generate/", who="careful"),
    Page("accounts/2fa/webauthn/", who="careful"),
    Page("accounts/2fa/webauthn/add/"),
    Page("accounts/2fa/webauthn/reauthenticate/", who="careful"),
    Page("accounts/2fa/webauthn/keys/<int:pk>/edit/", passkey, who="careful"),
    Page("accounts/2fa/webauthn/keys/<int:pk>/remove/", passkey, who="careful"),
    # the devnet's
    Page("devnet/style/"),
    Page("devnet/style/", who=None, query="?toast=1", name="style page with toasts"),
    *map(error, ERRORS),
]

# Routes (or beginnings of routes, ending in *) that are no pages, and why.
NOT_PAGES: dict[str, str] = {
    "healthz": "JSON",
    "readyz": "JSON",
    "metrics": "Prometheus text",
    "api/schema/": "OpenAPI",
    "api/v1/*": "JSON",
    "api/<path>": "problem JSON for what is no address of the API",
    "accounts/login/code/confirm/": "only in the middle of logging in by a mailed code, which is off",
    "accounts/2fa/authenticate/": "only in the middle of logging in; tests of accounts go through it",
    "accounts/2fa/recovery-codes/download/": "a text file",
    "accounts/2fa/webauthn/login/": "JSON",
    "accounts/3rdparty/signup/": "only in the middle of logging in through a provider",
    "accounts/social/*": "redirects of allauth's old addresses",
    "accounts/oidc/*": "redirects to the provider",
}


def reason_not_to_visit(route: str) -> str:
    """Why this route is no page, or an empty text."""
    for pattern, reason in NOT_PAGES.items():
        if route == pattern or (pattern.endswith("*") and route.startswith(pattern[:-1])):
            return reason
    return ""
