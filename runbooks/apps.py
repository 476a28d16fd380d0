from django.apps import AppConfig


class RunbooksConfig(AppConfig):
    name = "runbooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from governance.proposals.consent import to_execute, to_wait_for
        from integrations.chain.transactions.consent import to_send
        from runbooks.runs import approvals

        to_execute.ask(approvals.objection)
        to_wait_for.ask(approvals.given_up)
        to_send.ask(approvals.objection_to_sending)
