"""How allauth behaves here: no open sign-up, secrets encrypted, passkeys bound to our own domain."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from accounts.models import User
from ledger import record


def display_name(user: User) -> str:
    return user.display_name


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """People come in by an invitation (`accounts.invitations`) only."""
        return False

    def get_login_stages(self) -> list[str]:
        """A wallet's signature signs in alone, as a passkey does: a second factor is asked for after passwords."""
        stages: list[str] = super().get_login_stages()
        records = self.request.session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
        if any(record.get("method") == "wallet" for record in records):
            stages = [stage for stage in stages if not stage.startswith("allauth.mfa.")]
        return stages


class UserSessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]  # allauth is untyped
    def end_sessions(self, sessions: Any) -> None:
        """Ended from elsewhere: recorded, so that what these browsers still have open is closed too."""
        owners = {session.user for session in sessions}
        super().end_sessions(sessions)
        with transaction.atomic():
            for owner in owners:
                record("user.sessions.ended", actor=owner.actor, subject=owner.actor)


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth is untyped
    def _fernet(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])

    def encrypt(self, text: str) -> str:
        return self._fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return self._fernet().decrypt(encrypted_text.encode()).decode()

    def get_public_key_credential_rp_entity(self) -> dict[str, Any]:
        """The domain comes from the settings, not from a header. Browsers take no passkeys for an IP address."""
        host = urlsplit(settings.PUBLIC_URL).hostname or ""
        if not host or _is_address(host):
            return {**super().get_public_key_credential_rp_entity(), "name": "Breakglass"}
        return {"id": host, "name": "Breakglass"}
