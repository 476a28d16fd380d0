"""`manage.py createadmin ana ana@example.org`: an installation's first admin, and the way back in when none is left."""

import getpass
import os
import sys
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.grants.services import bootstrap
from accounts.models import User
from ledger import record

ACTOR = "system:createadmin"


class Command(BaseCommand):
    help = "Makes an account and gives it the level admin. The ledger tells of it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("email")

    def handle(self, *_args: Any, **options: Any) -> None:
        username, email = options["username"], options["email"].strip().lower()
        user = User.objects.filter(username__iexact=username).first()
        with transaction.atomic():
            if user is None:
                user = self._make(username, email)
            elif not user.is_active:
                raise CommandError(f"{username} is deactivated")
            bootstrap(user=user, levels=["admin"], actor=ACTOR)
        self.stdout.write(f"{user.username} is an admin. Add a passkey after the first login.")

    def _make(self, username: str, email: str) -> User:
        user = User(username=username, email=email)
        password = _given() or self._ask()
        try:
            user.clean_fields(exclude=["password"])
            validate_password(password, user)
        except ValidationError as exc:
            raise CommandError(" ".join(exc.messages)) from None
        user.set_password(password)
        user.save()
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        record("user.joined", actor=ACTOR, subject=user.actor, after={"username": username})
        return user

    def _ask(self) -> str:
        if not sys.stdin.isatty():
            raise CommandError("no terminal to ask for a password: set ADMIN_PASSWORD or ADMIN_PASSWORD_FILE")
        return getpass.getpass("Password: ")


def _given() -> str:
    """From the environment, like every secret: by a file, or as it is."""
    path = os.environ.get("ADMIN_PASSWORD_FILE")
    if not path:
        return os.environ.get("ADMIN_PASSWORD", "")
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise CommandError(f"ADMIN_PASSWORD_FILE names {path}, which cannot be read: {why}") from None
