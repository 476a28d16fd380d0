from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # A family must be known before config asks all of them for their members.
        from integrations.devnet import faults  # noqa: F401
