from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import rules
        from accounts.api import authentication

        del rules, authentication  # imported for what they register: permissions, and the schema's security schemes
