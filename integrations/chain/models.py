"""Chains, the endpoints that serve them, the heads we have seen, and the accounts that pay for our transactions."""

from urllib.parse import urlsplit

from django.db import models
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from integrations.chain.fields import AddressField, HashField, SealedTextField, Uint256Field

GWEI = 10**9


class Chain(models.Model):
    """One chain, live or our own. Depths are in blocks, times in seconds, fees in wei."""

    class Kind(models.TextChoices):
        LIVE = "live"
        DEVNET = "devnet"
        FORK = "fork"

    chain_id = models.PositiveBigIntegerField(unique=True)
    name = models.CharField(max_length=80)
    short_name = models.SlugField(max_length=40, unique=True)
    kind = models.CharField(max_length=8, choices=Kind)
    currency = models.CharField(max_length=16, default="ETH")
    confirmations = models.PositiveIntegerField(default=1)
    finality_depth = models.PositiveIntegerField(default=64)
    block_time = models.FloatField(default=12)
    stuck_after = models.PositiveIntegerField(default=45)  # seconds until the fee is raised
    stuck_blocks = models.PositiveIntegerField(default=10)  # blocks without being mined until it is an alarm
    max_fee_per_gas = Uint256Field(default=1000 * GWEI)
    bump_permille = models.PositiveSmallIntegerField(default=125)  # what nodes demand more of a replacement
    private_blocks = models.PositiveIntegerField(default=3)  # how long a private endpoint is given
    prefers_private = models.BooleanField(default=False)
    low_balance = Uint256Field(null=True, blank=True)  # of executors; without it, computed from the fees
    base_fee = Uint256Field(null=True)  # as last seen
    tip = Uint256Field(null=True)
    explorer_url = models.URLField(blank=True, default="")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=models.Q(confirmations__gte=1), name="chain_confirmations"),
            models.CheckConstraint(
                condition=models.Q(finality_depth__gte=models.F("confirmations")), name="chain_finality"
            ),
            models.CheckConstraint(condition=models.Q(block_time__gt=0), name="chain_block_time"),
            models.CheckConstraint(condition=models.Q(bump_permille__range=(100, 1000)), name="chain_bump"),
            models.CheckConstraint(condition=models.Q(private_blocks__gte=1), name="chain_private_blocks"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.chain_id})"

    @property
    def subject(self) -> str:
        return f"chain:{self.pk}"

    def explorer_link(self, kind: str, value: str) -> str:
        """The explorer's page of a `tx` or an `address`; empty where there is no explorer."""
        return f"{self.explorer_url.rstrip('/')}/{kind}/{value}" if self.explorer_url else ""


class Endpoint(models.Model):
    """Where a chain is asked. The URL may hold a provider's key: it is sealed, and only `label` is ever shown.

    One for private submission is sent transactions before anybody else sees them; nothing is read from it.
    """

    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="endpoints")
    url = SealedTextField(purpose="endpoint")
    mark = models.CharField(max_length=64, editable=False, default="")  # of the URL, to know it again
    label = models.CharField(max_length=100, blank=True)
    priority = models.PositiveSmallIntegerField(default=10)
    timeout = models.FloatField(default=10)
    private_submission = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    # what the last look found
    checked_at = models.DateTimeField(null=True)
    head_number = models.PositiveBigIntegerField(null=True)
    latency_ms = models.FloatField(null=True)
    problem = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ["chain", "priority", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["chain", "mark"], name="endpoint_once"),
            models.UniqueConstraint(fields=["chain", "label"], name="endpoint_label_once"),
            models.CheckConstraint(condition=models.Q(timeout__gt=0, timeout__lte=60), name="endpoint_timeout"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.chain}"

    def save(self, *args: object, **kwargs: object) -> None:
        self.label = self.name
        self.mark = mark_of(self.url)
        super().save(*args, **kwargs)  # type: ignore[arg-type]  # Django's save takes several shapes

    @property
    def name(self) -> str:
        """How it is called in errors and on screens."""
        return self.label or urlsplit(self.url).netloc.rpartition("@")[2]


def mark_of(url: str) -> str:
    """The same for the same URL; without the server's secret it says nothing about it."""
    return salted_hmac("integrations.endpoint", url, algorithm="sha256").hexdigest()


class Head(models.Model):
    """A block that we have followed; the recent ones only, so that a reorg can be seen and measured."""

    chain = models.ForeignKey(Chain, on_delete=models.CASCADE, related_name="heads")
    number = models.PositiveBigIntegerField()
    hash = HashField()
    parent_hash = HashField()
    timestamp = models.DateTimeField()
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["chain", "number"], name="head_once")]

    def __str__(self) -> str:
        return f"block {self.number} of {self.chain}"


class Executor(models.Model):
    """An account that pays gas and holds narrow on-chain roles; never an owner of a Safe.

    Its key is sealed here, opened only where something is signed, and shown nowhere; or it lies with a remote signer,
    which never gives it away. It belongs to one world for good.
    """

    class Signer(models.TextChoices):
        KEYSTORE = "keystore", "sealed in the database"
        REMOTE = "remote", "held by a remote signer"

    class Environment(models.TextChoices):
        LIVE = "live"
        DRILL = "drill"
        DEVNET = "devnet"

    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="executors")
    address = AddressField()
    label = models.CharField(max_length=80)
    environment = models.CharField(max_length=8, choices=Environment)
    signer = models.CharField(max_length=8, choices=Signer, default=Signer.KEYSTORE)
    signer_name = models.CharField(max_length=260, blank=True, default="")  # its host, for people
    keystore = models.TextField(editable=False)  # sealed: the key, or how the remote signer is reached
    enabled = models.BooleanField(default=True)
    low_balance = Uint256Field(null=True, blank=True)  # without it, the chain's
    accounted = models.PositiveBigIntegerField(null=True)  # the use of every nonce below is known and accepted
    # what the last look found
    balance = Uint256Field(null=True)
    chain_nonce = models.PositiveBigIntegerField(null=True)
    pending_nonce = models.PositiveBigIntegerField(null=True)
    checked_at = models.DateTimeField(null=True)
    balance_low = models.BooleanField(default=False)
    troubles = models.JSONField(default=dict)  # code -> words, severity, since
    roles = models.JSONField(default=list)
    roles_block = models.PositiveBigIntegerField(null=True)
    roles_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["chain", "label"]
        constraints = [
            models.UniqueConstraint(fields=["chain", "address"], name="executor_once"),
            models.UniqueConstraint(fields=["chain", "label"], name="executor_label_once"),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.address}"

    def __repr__(self) -> str:
        return f"<Executor {self.pk} {self.address}>"

    @property
    def subject(self) -> str:
        return f"executor:{self.pk}"
