"""What was answered to a request that carried an Idempotency-Key."""

from django.db import models
from django.db.models.functions import Now


class StoredAnswer(models.Model):
    """One key of one actor: the same request gets the same answer, another request with that key is refused."""

    actor = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status_code = models.PositiveSmallIntegerField(null=True, help_text="empty while the first request is worked on")
    body = models.JSONField(null=True)
    location = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["actor", "key"], name="accounts_idempotency_key")]

    def __str__(self) -> str:
        return f"{self.actor} {self.key}"
