from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # A family must be known before config asks all of them for their members.
        from accounts.wallets.chains import known_chains_from
        from integrations.chain.models import Chain
        from integrations.devnet import faults  # noqa: F401

        known_chains_from(lambda: Chain.objects.values_list("chain_id", flat=True))
