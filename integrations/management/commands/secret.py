"""`manage.py secret set NAME --host api.example.com` (the value on stdin), `secret list`, `secret remove NAME`."""

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.secrets.models import Secret
from integrations.secrets.services import LONGEST, remove_secret, set_secret
from ledger.errors import Invalid, Refused

ACTOR = "system:shell"
NOWHERE = "It may be sent nowhere yet: set it with --host api.example.com."


class Command(BaseCommand):
    help = "Sets, lists and removes the secrets that playbooks use by name. A value is read from stdin only."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        one = verbs.add_parser("set", help="the value comes from stdin: `manage.py secret set pager_key < file`")
        one.add_argument("name")
        one.add_argument("--note", help="what it is for")
        one.add_argument("--host", action="append", help="where it may be sent, as often as there are hosts")
        verbs.add_parser("list", help="names, never values")
        three = verbs.add_parser("remove")
        three.add_argument("name")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            {"set": self._set, "list": self._list, "remove": self._remove}[options["verb"]](options)
        except (Invalid, Refused) as error:
            raise CommandError(f"{error.message} {error.hint}".strip()) from None

    def _set(self, options: dict[str, Any]) -> None:
        if sys.stdin.isatty():
            value = getpass.getpass(f"Value of {options['name']} (not shown): ")
        else:
            value = sys.stdin.read(LONGEST + 2).removesuffix("\n").removesuffix("\r")
        given = {"value": value, "note": options["note"], "hosts": options["host"]}
        secret = set_secret(name=options["name"], actor=ACTOR, **given)
        where = f"It may be sent to {', '.join(secret.hosts)}." if secret.hosts else NOWHERE
        self.stdout.write(f"{secret.name} is set ({secret.number}. value). {where}")

    def _list(self, _options: dict[str, Any]) -> None:
        for secret in Secret.objects.all():
            used = f"used {secret.used_at:%Y-%m-%d %H:%M}" if secret.used_at else "not used yet"
            where = f"for {', '.join(secret.hosts) or 'no host'}"
            since = f"set {secret.set_at:%Y-%m-%d %H:%M} by {secret.set_by}"
            self.stdout.write(f"{secret.name}  {where}  {since}, {used}  {secret.note}")

    def _remove(self, options: dict[str, Any]) -> None:
        remove_secret(name=options["name"], actor=ACTOR)
        self.stdout.write(f"{options['name']} is gone.")
