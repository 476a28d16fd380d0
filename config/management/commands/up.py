"""`manage.py up`, as seen by `manage.py help` and `call_command`; manage.py itself goes past Django."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.supervisor.main import add_arguments, up


class Command(BaseCommand):
    help = "Starts and supervises everything: stores, devnet, web, workers, watchers."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        if status := up(only=options["only"], without=options["without"]):
            raise SystemExit(status)
