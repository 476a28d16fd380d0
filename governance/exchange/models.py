"""Which service a chain has, how far we are with it for each Safe, and what was given to it or not taken from it."""

from django.db import models
from django.db.models.functions import Now

from governance.proposals.models import Proposal
from governance.safes.models import Safe
from integrations.chain.fields import AddressField, HashField, SealedTextField
from integrations.chain.models import Chain


class SafeService(models.Model):
    """The Safe Transaction Service of a chain. The key is sealed, opened where it is used, and shown nowhere."""

    chain = models.OneToOneField(Chain, on_delete=models.CASCADE, related_name="safe_service")
    url = models.CharField(max_length=500)
    key = SealedTextField(purpose="safe-service", blank=True, default="")
    enabled = models.BooleanField(default=True)
    paused_until = models.DateTimeField(null=True)  # it asked us to stay away (429)
    set_by = models.CharField(max_length=80)
    set_at = models.DateTimeField()

    class Meta:
        ordering = ["chain__name"]

    def __str__(self) -> str:
        return f"the Safe Transaction Service of {self.chain}"

    def __repr__(self) -> str:
        return f"<SafeService {self.pk}>"

    @property
    def subject(self) -> str:
        return f"safe-service:{self.chain_id}"


class Sharing(models.TextChoices):
    """What of a Safe's proposals is given to the service, where everybody can read it."""

    NONE = "none", "nothing"
    OPEN = "open", "what is not private"
    ALL = "all", "everything, private incidents too"


class Exchange(models.Model):
    """How far we are with one Safe."""

    safe = models.OneToOneField(Safe, on_delete=models.CASCADE, related_name="exchange")
    sharing = models.CharField(max_length=8, choices=Sharing, default=Sharing.OPEN)
    tried_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)  # the last one that went through
    failing_since = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True, default="")
    unsigned = models.PositiveIntegerField(default=0)  # entries there without a present owner's signature

    def __str__(self) -> str:
        return f"exchange of {self.safe}"


class Given(models.Model):
    """A signature that the service was given, so that it is not given again and again."""

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="given")
    owner = AddressField()
    digest = HashField()  # of the signature: a lapsed one may have been replaced
    refusal = models.CharField(max_length=200, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["proposal", "owner"], name="governance_given_once_an_owner")]

    def __str__(self) -> str:
        return f"{self.owner} of {self.proposal_id}"


class Oddity(models.Model):
    """Something that the service said and that was not taken. One row, and one event, however often it says so."""

    class Kind(models.TextChoices):
        HASH = "hash", "says another hash"
        FIELDS = "fields", "is not a transaction"
        SIGNATURE = "signature", "is not a signature that counts"
        PROPOSAL = "proposal", "could not be taken in"

    safe = models.ForeignKey(Safe, on_delete=models.CASCADE, related_name="oddities")
    kind = models.CharField(max_length=16, choices=Kind)
    mark = models.CharField(max_length=66)  # sha256 of what it was
    words = models.CharField(max_length=400)
    first_at = models.DateTimeField(db_default=Now())
    again_at = models.DateTimeField()  # not looked at before

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["safe", "mark"], name="governance_oddity_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.safe_id}"
