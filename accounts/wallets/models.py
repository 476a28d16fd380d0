"""Ethereum accounts that people have proved to hold."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower, Now


class Wallet(models.Model):
    """An address whose key signed our message. It belongs to one person; the same person may have several."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="wallets")
    address = models.CharField(max_length=42, help_text="checksummed")
    label = models.CharField(max_length=60, blank=True, default="")
    verified_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["verified_at", "id"]
        constraints = [
            models.UniqueConstraint(Lower("address"), name="accounts_wallet_one_owner"),
            models.CheckConstraint(
                condition=models.Q(address__regex="^0x[0-9a-fA-F]{40}$"), name="accounts_wallet_hex"
            ),
        ]

    def __str__(self) -> str:
        return self.address


class SignInNonce(models.Model):
    """A number used once: the row is consumed by a conditional update, so that two requests cannot both use it."""

    nonce = models.CharField(max_length=32, primary_key=True)
    purpose = models.CharField(max_length=8, choices=[("login", "login"), ("link", "link")])
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.nonce
