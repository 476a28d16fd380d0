"""`manage.py plan check|export|diff`: plans outside the pages."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance.plans.canonical import main
from governance.plans.models import Plan
from governance.plans.selectors import changes_between


class Command(BaseCommand):
    help = "Checks a plan's file, writes out a stored one, or compares two stored ones."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        check = verbs.add_parser("check", help="is the file canonical, and is this its hash?")
        check.add_argument("file", type=Path)
        check.add_argument("hash", nargs="?")
        export = verbs.add_parser("export", help="the very bytes that were hashed")
        export.add_argument("plan", type=int)
        diff = verbs.add_parser("diff", help="what the second does otherwise than the first")
        diff.add_argument("before", type=int)
        diff.add_argument("after", type=int)

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["verb"] == "check":
            if not options["file"].is_file():
                raise CommandError(f"there is no file {options['file']}")
            code = main([str(options["file"]), *([options["hash"]] if options["hash"] else [])])
            if code:
                sys.exit(code)
        elif options["verb"] == "export":
            sys.stdout.buffer.write(_plan(options["plan"]).document.encode())
        else:
            for change in changes_between(_plan(options["before"]), _plan(options["after"])):
                self.stdout.write(f"{change.kind:8} {change.path}: {change.before!r} -> {change.after!r}")


def _plan(number: int) -> Plan:
    found = Plan.objects.filter(pk=number).first()
    if found is None:
        raise CommandError(f"there is no plan {number}")
    return found
