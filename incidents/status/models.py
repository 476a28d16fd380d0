"""What people have said about the public page; what it shows besides follows from incidents and messages."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.protocols.models import Contract, Protocol


class Component(models.Model):
    """A commander's word on a part of the page: its state, whether it is shown at all.

    A part without a row is shown as its incidents have it.
    """

    class State(models.TextChoices):
        OPERATIONAL = "operational"
        MAINTENANCE = "maintenance"
        DISTURBED = "disturbed"
        PAUSED = "paused"
        DOWN = "down"

    protocol = models.OneToOneField(
        Protocol, null=True, blank=True, on_delete=models.CASCADE, related_name="status_component"
    )
    contract = models.OneToOneField(
        Contract, null=True, blank=True, on_delete=models.CASCADE, related_name="status_component"
    )
    shown = models.BooleanField(null=True)  # null: as its role has it
    state = models.CharField(max_length=12, choices=State, blank=True, default="")  # "": follows the incidents
    words = models.CharField(max_length=200, blank=True, default="")
    stated_by = models.CharField(max_length=80, blank=True, default="")
    stated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(protocol__isnull=False) ^ Q(contract__isnull=False), name="incidents_component_of_one"
            )
        ]

    def __str__(self) -> str:
        return str(self.protocol or self.contract)

    @property
    def subject(self) -> str:
        return f"component:{self.pk}"


class Guidance(models.Model):
    """One row: what to do when our own interface is down, in a commander's words."""

    text = models.TextField(blank=True, default="")
    set_by = models.CharField(max_length=80, blank=True, default="")
    set_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="incidents_one_guidance")]

    def __str__(self) -> str:
        return "what to do when the interface is down"


class Publication(models.Model):
    """One place that the page is published to: which words it has, since when, and when it last confirmed them."""

    place = models.CharField(max_length=16, primary_key=True)  # `folder`, `put`
    digest = models.CharField(max_length=64, blank=True, default="")
    number = models.PositiveIntegerField(default=0)  # how often its words have changed
    changed_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.place}, version {self.number}"
