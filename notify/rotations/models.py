"""On-call rotations and their overrides."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from notify.rotations.layers import Layer
from notify.rotations.shifts import Roster, Stand


class Rotation(models.Model):
    """People who take turns in being on call, in the time of one place."""

    slug = models.SlugField(unique=True, max_length=63)
    name = models.CharField(max_length=80)
    zone = models.CharField(max_length=64)
    layers = models.JSONField()
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("notify:rotation", args=[self.slug])

    @property
    def subject(self) -> str:
        return f"rotation:{self.pk}"

    @property
    def target(self) -> str:
        """As a ladder names it."""
        return f"rotation:{self.slug}"

    @property
    def layering(self) -> tuple[Layer, ...]:
        return tuple(Layer.model_validate(layer) for layer in self.layers)

    def roster(self) -> Roster:
        """What decides who is on call, from about now on."""
        standing = self.overrides.filter(removed_at=None, until__gt=timezone.now() - timedelta(days=1))
        stands = [Stand(one.user.username, one.since, one.until) for one in standing.select_related("user")]
        return Roster(ZoneInfo(self.zone), self.layering, stands)


class Override(models.Model):
    """Somebody stands in for whoever's turn it is. Never changed: taken back, and entered anew."""

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="overrides")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True, default="")
    made_by = models.CharField(max_length=80)
    made_at = models.DateTimeField(db_default=Now())
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.CheckConstraint(condition=Q(until__gt=F("since")), name="notify_override_lasts")]

    def __str__(self) -> str:
        return f"{self.user} from {self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M}"

    @property
    def subject(self) -> str:
        return f"override:{self.pk}"
