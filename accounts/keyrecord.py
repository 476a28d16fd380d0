"""What a person changes about how they log in is in the ledger too: allauth tells, we write."""

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.dispatch import receiver

from accounts.models import User
from ledger import record


def _write(verb: str, user: User, **after: Any) -> None:
    with transaction.atomic():
        record(verb, actor=user.actor, subject=user.actor, after=after)


@receiver(account.user_logged_in)
def logged_in(request: Any, user: User, **_: Any) -> None:
    """By what they came in: a password, a passkey, a wallet."""
    records = request.session.get("account_authentication_methods", [])
    ways = [str(one.get("type") or one.get("method")) for one in records]
    _write("user.logged_in", user, by=ways)


@receiver(user_logged_out)
def logged_out(user: Any, **_: Any) -> None:
    """Open sockets follow this event, and close."""
    if isinstance(user, User):
        _write("user.logged_out", user)


@receiver(account.password_changed)
@receiver(account.password_reset)
@receiver(account.password_set)
def password_changed(user: User, **_: Any) -> None:
    _write("user.password.changed", user)


@receiver(account.email_changed)
def email_changed(user: User, from_email_address: Any, to_email_address: Any, **_: Any) -> None:
    _write("user.email.changed", user, verified=bool(to_email_address.verified), first=from_email_address is None)


@receiver(mfa.authenticator_added)
def authenticator_added(user: User, authenticator: Authenticator, **_: Any) -> None:
    _write("user.key.added", user, kind=authenticator.type, name=authenticator.data.get("name", ""))


@receiver(mfa.authenticator_removed)
def authenticator_removed(user: User, authenticator: Authenticator, **_: Any) -> None:
    _write("user.key.removed", user, kind=authenticator.type, name=authenticator.data.get("name", ""))


@receiver(mfa.authenticator_reset)
def codes_made_anew(user: User, authenticator: Authenticator, **_: Any) -> None:
    _write("user.key.renewed", user, kind=authenticator.type)
