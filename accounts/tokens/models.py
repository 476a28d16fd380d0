"""API tokens: shown once, stored as a hash."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class TokenScope(models.TextChoices):
    READ = "read", "Read what its owner may read"
    ALERTS_WRITE = "alerts:write", "Send and change alerts"
    INCIDENTS_WRITE = "incidents:write", "Open and work on incidents"
    PROPOSALS_WRITE = "proposals:write", "Propose, and hand in signatures"
    RUNS_WRITE = "runs:write", "Start and steer runs"
    ADMIN = "admin", "Everything that its owner may do"


class ApiToken(models.Model):
    """A program's key. It acts as `token:<name>`, within its scopes and within the level of its owner."""

    id: int
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.SlugField(max_length=40, unique=True, help_text="stays in the ledger, so it is never used again")
    digest = models.CharField(max_length=64, unique=True, help_text="sha256 of the token")
    prefix = models.CharField(max_length=12, help_text="its first characters, to recognise it by")
    scopes = ArrayField(models.CharField(max_length=20, choices=TokenScope))
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name

    @property
    def actor(self) -> str:
        return f"token:{self.name}"
