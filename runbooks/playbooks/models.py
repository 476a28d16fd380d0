"""Playbooks and their versions. A version never changes once it is stored."""

from django.db import models
from django.db.models.functions import Now

from integrations.chain.fields import HashField


class Playbook(models.Model):
    """A procedure under one name. Its words stand in its versions; title, summary and `when` mirror the newest one."""

    slug = models.SlugField(max_length=63, unique=True)
    title = models.CharField(max_length=120)
    summary = models.TextField()
    when = models.JSONField(default=list)
    archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title

    @property
    def subject(self) -> str:
        return f"playbook:{self.pk}"


class PlaybookVersion(models.Model):
    """The YAML as it was saved, after lint found nothing wrong. A database trigger refuses UPDATE and DELETE."""

    playbook = models.ForeignKey(Playbook, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    yaml = models.TextField()
    sha256 = HashField()
    note = models.CharField(max_length=200, blank=True, default="")
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["playbook", "-number"]
        constraints = [models.UniqueConstraint(fields=["playbook", "number"], name="runbooks_version_number")]

    def __str__(self) -> str:
        return f"{self.playbook.slug} v{self.number}"
