"""The address board: which addresses an incident is about, and how each of them stands."""

from django.db import models
from django.db.models.functions import Now

from incidents.incidents.models import Incident, OfIncident
from integrations.chain.fields import AddressField
from ledger.models import Scope
from ledger.transitions import Status

STANDINGS = ("at_risk", "impacted", "paused", "saved", "needs_review")


class BoardAddress(Status):
    """One address on one chain. Any standing may follow any other: people correct what they know."""

    NOUN = "address"
    TRANSITIONS = {one: {other for other in STANDINGS if other != one} for one in STANDINGS}

    class Standing(models.TextChoices):
        AT_RISK = "at_risk"
        IMPACTED = "impacted"
        PAUSED = "paused"
        SAVED = "saved"
        NEEDS_REVIEW = "needs_review"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="addresses")
    chain_id = models.PositiveBigIntegerField()  # also of chains that are not set up here: thieves use them
    address = AddressField()
    label = models.CharField(max_length=80, blank=True, default="")
    status = models.CharField(max_length=12, choices=Standing, default=Standing.NEEDS_REVIEW)
    added_by = models.CharField(max_length=80)
    added_at = models.DateTimeField(db_default=Now())

    objects = OfIncident.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "board addresses"
        constraints = [
            models.UniqueConstraint(fields=["incident", "chain_id", "address"], name="incidents_address_once")
        ]

    def __str__(self) -> str:
        return f"{self.address} on chain {self.chain_id}"

    @property
    def scope(self) -> Scope:
        return self.incident.scope
