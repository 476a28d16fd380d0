"""`manage.py demo load`: what a newcomer finds, room by room, from the ground floor up."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

ACTOR = "system:demo"


class Command(BaseCommand):
    help = "Loads the demo; loading it again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["load"])

    def handle(self, *_args: Any, **_options: Any) -> None:
        if settings.PROFILE == "production":
            raise CommandError("the demo's people have a public password: it is not loaded in production")
        for room in settings.ROOMS:
            if find_spec(f"{room}.demo"):
                import_module(f"{room}.demo").load(actor=ACTOR)
