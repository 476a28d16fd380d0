"""Beat's own small application: it needs the schedule and the broker, and none of the rooms."""

from typing import Any

from config.start import settings_or_exit

settings_or_exit()

from celery import Celery, signals  # noqa: E402  (Django's settings come first)
from django.conf import settings  # noqa: E402
from django.utils.log import configure_logging  # noqa: E402

app = Celery("breakglass-beat", fixups=[])
app.config_from_object("django.conf:settings", namespace="CELERY")


@signals.setup_logging.connect
def _our_logging(**_: Any) -> None:
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
