"""A secret under a name. Its value is sealed, opened where it is used, and shown nowhere."""

from django.db import models


class Secret(models.Model):
    """`note` says what it is for; `number` counts how often it was set, so that people can tell one from the next.

    `hosts` are the only ones that it may be sent to; without any it is sent nowhere.
    """

    name = models.CharField(max_length=63, unique=True)
    note = models.CharField(max_length=200, blank=True, default="")
    hosts = models.JSONField(default=list)
    sealed = models.TextField(editable=False)
    number = models.PositiveIntegerField(default=1)
    set_by = models.CharField(max_length=80)
    set_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<Secret {self.name}>"

    @property
    def subject(self) -> str:
        return f"secret:{self.name}"

    @property
    def purpose(self) -> str:
        """Sealed for its name: moved to another one it does not open."""
        return f"secret:{self.name}"
