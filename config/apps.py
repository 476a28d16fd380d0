from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class ConfigConfig(AppConfig):
    """Listed last: when it is ready, every room is, and the registries can be filled and closed."""

    name = "config"

    def ready(self) -> None:
        from django_structlog.signals import bind_extra_request_metadata

        from config import celery, logs  # noqa: F401  (whoever sends a hint sends it to our broker)
        from integrations.families import discover_and_freeze

        bind_extra_request_metadata.connect(logs.bind_address)
        autodiscover_modules("families")
        discover_and_freeze()
        autodiscover_modules("jobs", "subscriptions", "live")
