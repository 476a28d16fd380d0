from django.apps import AppConfig


class RunbooksConfig(AppConfig):
    name = "runbooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from governance.proposals.consent import ask
        from runbooks.runs.approvals import objection

        ask(objection)
