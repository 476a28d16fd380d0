"""What every entry point does first, so that a missing setting is one line and never a traceback."""

import gc
import os
import sys
from collections.abc import Sequence

# The demo's surroundings, which use no model: up in a fifth of the time that all the rooms take to load.
WITHOUT_ROOMS = (("devnet", "run"), ("mail_sink",))


def settings_or_exit() -> None:
    """Loads the settings; what is missing ends the process with a line that names it."""
    # Loading the rooms makes half a million objects that stay: looking through them again and again for garbage takes
    # a sixth of the time of a start.
    gc.set_threshold(50_000, 20, 100)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")  # five times faster than the default; read on import
    from django.conf import settings

    from config.environment import MissingSetting

    try:
        _ = settings.INSTALLED_APPS
    except MissingSetting as error:
        sys.exit(f"breakglass cannot start: {error}")


def uses_no_room(argv: Sequence[str]) -> bool:
    return any(tuple(argv[1 : 1 + len(words)]) == words for words in WITHOUT_ROOMS)


def run_without_rooms(argv: Sequence[str]) -> None:
    """One of those, with the settings and the logging alone."""
    from importlib import import_module

    from django.conf import settings
    from django.utils.log import configure_logging

    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    import_module(f"integrations.management.commands.{argv[1]}").Command().run_from_argv(list(argv))
