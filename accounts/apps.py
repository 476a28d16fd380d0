from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import keyrecord, rules
        from accounts.api import authentication

        # Imported for what they register: permissions, signal receivers, the schema's security schemes.
        del keyrecord, rules, authentication
