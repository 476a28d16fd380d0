"""A registered Safe and what was last read of it from the chain."""

from django.db import models
from django.db.models.functions import Now

from governance.protocols.models import Protocol
from integrations.chain.addresses import ZERO_ADDRESS
from integrations.chain.fields import AddressField, HashField, Uint256Field


class Safe(models.Model):
    """A multisig that we propose to. The chain is the truth; these columns are its last reading."""

    chain = models.ForeignKey("integrations.Chain", on_delete=models.PROTECT, related_name="+")
    protocol = models.ForeignKey(Protocol, null=True, blank=True, on_delete=models.PROTECT, related_name="safes")
    address = AddressField()
    label = models.CharField(max_length=80)
    version = models.CharField(max_length=16)
    owners = models.JSONField(default=list)
    threshold = models.PositiveIntegerField()
    nonce = Uint256Field()
    modules = models.JSONField(default=list)
    guard = AddressField(default=ZERO_ADDRESS)
    module_guard = AddressField(default=ZERO_ADDRESS)
    fallback_handler = AddressField(default=ZERO_ADDRESS)
    singleton = AddressField()
    code_hash = HashField()  # of the singleton's code
    proxy_version = models.CharField(max_length=16, blank=True, default="")  # "": no official factory made the proxy
    problem = models.CharField(max_length=300, blank=True, default="")  # why it can no longer be read as a Safe
    read_block = models.BigIntegerField()
    read_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["label"]
        constraints = [models.UniqueConstraint(fields=["chain", "address"], name="governance_safe_once")]

    def __str__(self) -> str:
        return self.label

    @property
    def subject(self) -> str:
        return f"safe:{self.pk}"
