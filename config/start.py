"""What every entry point does first, so that a missing setting is one line and never a traceback."""

import os
import sys


def settings_or_exit() -> None:
    """Loads the settings; what is missing ends the process with a line that names it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")  # five times faster than the default; read on import
    from django.conf import settings

    from config.environment import MissingSetting

    try:
        _ = settings.INSTALLED_APPS
    except MissingSetting as error:
        sys.exit(f"breakglass cannot start: {error}")
