"""A wallet for people without one: signs on the devnet, in the browser, with keys that everybody knows.

Its files lie beside this one and not among the static files, so that they can only be had through the views here, and
only where the devnet is on.
"""

from django.conf import settings


def wallet_is_served() -> bool:
    """On a devnet of the demo or of the tests, and never in production, whatever else is set."""
    return bool(settings.DEVNET_ENABLED) and settings.PROFILE in ("demo", "test")
