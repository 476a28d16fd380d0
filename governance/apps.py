from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    name = "governance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from governance.protocols.holdings import targets
        from integrations.chain.executors.roles import targets_from

        targets_from(targets)
