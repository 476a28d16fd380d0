"""`manage.py watch`: evaluates every monitor at every block."""

from typing import Any

from django.core.management.base import BaseCommand

from incidents.watch.runner import Watcher


class Command(BaseCommand):
    help = "Evaluate the monitors at every block. Several may run: one watches, the others wait for it to fail."

    def handle(self, *_args: Any, **_options: Any) -> None:
        Watcher().run()
