"""What is protected, who may change it, and what can go wrong."""

from django.db import models
from django.db.models.functions import Now

from integrations.chain.fields import AddressField, HashField


class Protocol(models.Model):
    """A protected system."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        return f"protocol:{self.pk}"


class Contract(models.Model):
    """One contract of a protocol, with the ABI by which its calls are put into words."""

    class Role(models.TextChoices):
        VAULT = "vault"
        PROXY = "proxy"
        ROUTER = "router"
        ORACLE = "oracle"
        TIMELOCK = "timelock"
        TOKEN = "token"
        STANDBY = "standby"

    protocol = models.ForeignKey(Protocol, on_delete=models.PROTECT, related_name="contracts")
    chain = models.ForeignKey("integrations.Chain", on_delete=models.PROTECT, related_name="+")
    address = AddressField()
    name = models.CharField(max_length=80)
    role = models.CharField(max_length=16, choices=Role)
    abi = models.JSONField(default=list)  # pinned: never fetched when a call is shown
    code_hash = HashField(blank=True, default="")  # of the code when it was registered
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["protocol", "name"]
        constraints = [models.UniqueConstraint(fields=["chain", "address"], name="governance_contract_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        return f"contract:{self.pk}"


class Power(models.Model):
    """A privileged function, who holds it, until when, and when it was last proved to work."""

    protocol = models.ForeignKey(Protocol, on_delete=models.PROTECT, related_name="powers")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="powers")
    slug = models.SlugField(max_length=60)
    title = models.CharField(max_length=200)
    function = models.CharField(max_length=200)  # its signature: pause(uint256)
    holder = AddressField()
    expires_at = models.DateTimeField(null=True, blank=True)
    proved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["protocol", "slug"]
        constraints = [models.UniqueConstraint(fields=["protocol", "slug"], name="governance_power_slug")]

    def __str__(self) -> str:
        return self.title

    @property
    def subject(self) -> str:
        return f"power:{self.pk}"


class Allowed(models.Model):
    """A line of a protocol's allow-list: a function that its Safes may have called, or somebody who may receive."""

    protocol = models.ForeignKey(Protocol, on_delete=models.PROTECT, related_name="allowed")
    chain = models.ForeignKey("integrations.Chain", on_delete=models.PROTECT, related_name="+")
    address = AddressField()
    function = models.CharField(max_length=300, blank=True, default="")  # its signature; "": value may go there
    label = models.CharField(max_length=80)
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["address", "function"]
        constraints = [
            models.UniqueConstraint(fields=["protocol", "chain", "address", "function"], name="governance_allowed_once")
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.function}".strip()

    @property
    def subject(self) -> str:
        return f"allowed:{self.pk}"


class FailureMode(models.Model):
    """A row of the risk register: what can go wrong, what sees it, what answers it."""

    class Category(models.TextChoices):
        ORACLE = "oracle"
        CONTRACT = "contract", "contract bug"
        KEY = "key", "key loss or theft"
        UPGRADE = "upgrade", "bad upgrade"
        MARKET = "market"
        INFRASTRUCTURE = "infrastructure"
        GOVERNANCE = "governance"

    protocol = models.ForeignKey(Protocol, on_delete=models.PROTECT, related_name="failure_modes")
    slug = models.SlugField(max_length=60)
    title = models.CharField(max_length=200)
    category = models.CharField(max_length=16, choices=Category)
    likelihood = models.PositiveSmallIntegerField()
    impact = models.PositiveSmallIntegerField()
    monitor = models.CharField(max_length=80, blank=True, default="")  # the slug of a monitor, two floors up
    playbook = models.CharField(max_length=80, blank=True, default="")  # the slug of a playbook, one floor up
    power = models.ForeignKey(Power, null=True, blank=True, on_delete=models.SET_NULL, related_name="failure_modes")

    class Meta:
        ordering = ["-impact", "-likelihood", "slug"]
        constraints = [
            models.UniqueConstraint(fields=["protocol", "slug"], name="governance_failure_mode_slug"),
            models.CheckConstraint(
                condition=models.Q(likelihood__range=(1, 5), impact__range=(1, 5)),
                name="governance_failure_mode_1_to_5",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def subject(self) -> str:
        return f"failure-mode:{self.pk}"

    @property
    def covered(self) -> bool:
        """Something sees it, and something answers it."""
        return bool(self.monitor and self.playbook)
