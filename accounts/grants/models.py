"""Who was given which level, by whom, and until when."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.levels import Level
from ledger.transitions import Status


class GrantStatus(models.TextChoices):
    REQUESTED = "requested", "Waiting for a second admin"
    ACTIVE = "active", "Active"
    DECLINED = "declined", "Declined"
    REVOKED = "revoked", "Revoked"


class RoleGrantQuerySet(models.QuerySet["RoleGrant"]):
    def active(self) -> "RoleGrantQuerySet":
        return self.filter(status=GrantStatus.ACTIVE)

    def requested(self) -> "RoleGrantQuerySet":
        return self.filter(status=GrantStatus.REQUESTED)


class RoleGrant(Status):
    """One level for one person. Two admins make it (once there are two); any one admin ends it."""

    NOUN = "grant"
    TRANSITIONS = {
        GrantStatus.REQUESTED: {GrantStatus.ACTIVE, GrantStatus.DECLINED},
        GrantStatus.ACTIVE: {GrantStatus.REVOKED},
    }

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="grants")
    level = models.CharField(max_length=16, choices=[c for c in Level.choices if c[0] != Level.VIEWER])
    status = models.CharField(max_length=16, choices=GrantStatus, default=GrantStatus.REQUESTED)
    requested_by = models.CharField(max_length=80)
    requested_at = models.DateTimeField(db_default=Now())
    confirmed_by = models.CharField(max_length=80, blank=True, default="")
    ended_by = models.CharField(max_length=80, blank=True, default="")
    ended_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, default="")

    objects = RoleGrantQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "level"],
                condition=Q(status__in=[GrantStatus.REQUESTED, GrantStatus.ACTIVE]),
                name="accounts_grant_once",
            ),
            models.CheckConstraint(condition=~Q(confirmed_by=models.F("requested_by")), name="accounts_grant_by_two"),
        ]

    def __str__(self) -> str:
        return f"{self.level} for {self.user_id}"
