"""Scopes and events: the lowest floor. Everything that happens is a row here, and stays one."""

import uuid

from django.db import models
from django.db.models.functions import Now

from ledger.access import ScopedQuerySet, ScopeQuerySet


class CurrentTransaction(models.Func):
    """The number of the transaction that writes the row; the linker needs it to know that it has missed none."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = models.BigIntegerField()


class Scope(models.Model):
    """What belongs together across floors: an incident has one, a drill has one, runs and proposals point to theirs."""

    kind = models.CharField(max_length=32)
    title = models.CharField(max_length=200)
    private = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    objects = ScopeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.kind}: {self.title}"


class ScopeMember(models.Model):
    """A member or an actor, as a typed string such as `user:12`."""

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="members")
    who = models.CharField(max_length=80)
    role = models.CharField(max_length=32, default="member")
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "who"], name="ledger_member_once")]

    def __str__(self) -> str:
        return f"{self.who} in {self.scope_id}"


class ScopeLink(models.Model):
    """An append-only edge to a parent scope."""

    child = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="parent_links")
    parent = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="child_links")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["child", "parent"], name="ledger_link_once"),
            models.CheckConstraint(condition=~models.Q(child=models.F("parent")), name="ledger_link_not_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.child_id} → {self.parent_id}"


class ScopeClosure(models.Model):
    """Every ancestor of every scope, itself among them: privacy is asked for often and changes seldom."""

    ancestor = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="+")
    descendant = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["descendant", "ancestor"], name="ledger_closure_once")]

    def __str__(self) -> str:
        return f"{self.ancestor_id} ⊇ {self.descendant_id}"


class Event(models.Model):
    """One thing that happened. Append-only: a trigger refuses UPDATE, DELETE and TRUNCATE."""

    at = models.DateTimeField(db_default=models.Func(function="clock_timestamp"))
    txid = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)
    salt = models.UUIDField(
        default=uuid.uuid4, editable=False
    )  # a withheld event's digest cannot be guessed from likely content
    verb = models.CharField(max_length=80)
    actor = models.CharField(max_length=80)
    scope = models.ForeignKey(  # without an index of its own: ledger_event_scope begins with it
        Scope, null=True, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    subject = models.CharField(max_length=80, blank=True, default="")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.TextField(blank=True, default="")
    alarm = models.JSONField(null=True)
    request_id = models.CharField(max_length=64, blank=True, default="")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["txid"], name="ledger_event_txid"),
            models.Index(fields=["scope", "id"], name="ledger_event_scope"),
            models.Index(fields=["subject", "id"], name="ledger_event_subject"),
            models.Index(fields=["verb", "id"], name="ledger_event_verb"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject} by {self.actor}"


class EventLink(models.Model):
    """An event's place in the chain, appended by the one linker. `hash` = sha256(prev ‖ digest)."""

    seq = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="link")
    digest = models.BinaryField(max_length=32)
    prev = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    linked_at = models.DateTimeField(db_default=models.Func(function="clock_timestamp"))

    def __str__(self) -> str:
        return f"#{self.seq}"


class Chain(models.Model):
    """One row: where the chain ends, and the transaction number below which nothing is left to link."""

    seq = models.BigIntegerField(default=0)
    hash = models.BinaryField(max_length=32, default=bytes(32))
    horizon = models.BigIntegerField(default=0)
    linked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="ledger_one_chain")]

    def __str__(self) -> str:
        return f"chain at #{self.seq}"


class Subscription(models.Model):
    """How far a subscriber has read; the cursor advances in the transaction of its effect."""

    name = models.CharField(max_length=80, primary_key=True)
    cursor = models.BigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")
    moved_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} at #{self.cursor}"
