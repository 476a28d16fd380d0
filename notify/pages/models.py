"""Pages, and whom they told."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from ledger.access import ScopedQuerySet
from ledger.models import Scope
from ledger.transitions import Status
from notify.audiences.models import Audience
from notify.ladders.steps import Climb, thawed
from notify.messages.models import Message

LIVE = ("climbing", "acked")


class PageQuerySet(ScopedQuerySet["Page"]):
    def live(self) -> "PageQuerySet":
        return self.filter(status__in=LIVE)

    def of(self, about: str) -> "PageQuerySet":
        return self.filter(about=about)


class Page(Status):
    """Something that a person must take in hand. Its timer is `due_at`: the next step, or when its ack lapses."""

    NOUN = "page"
    TRANSITIONS: ClassVar[Mapping[str, set[str]]] = {
        "climbing": {"acked", "resolved"},
        "acked": {"lapsed", "resolved"},
    }

    class State(models.TextChoices):
        CLIMBING = "climbing"
        ACKED = "acked"
        LAPSED = "lapsed"
        RESOLVED = "resolved"

    scope = models.ForeignKey(Scope, null=True, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=200)  # what asks for it; one page of a key lives at a time
    about = models.CharField(max_length=80, blank=True, default="")  # the subject: `incident:42`
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True, default="")
    link = models.CharField(max_length=300, blank=True, default="")
    severity = models.CharField(max_length=4, blank=True, default="")
    frozen = models.JSONField()  # the ladder, as it was when the page began
    status = models.CharField(max_length=8, choices=State, default=State.CLIMBING)
    round = models.PositiveIntegerField(default=0)
    step = models.PositiveIntegerField(default=0)  # the rung that is told next
    due_at = models.DateTimeField(null=True)
    climbed_at = models.DateTimeField(null=True)
    unanswered_at = models.DateTimeField(null=True)  # the ladder was gone through, and nobody acknowledged
    opened_by = models.CharField(max_length=80)
    opened_at = models.DateTimeField(db_default=Now())
    acked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    acked_at = models.DateTimeField(null=True)
    acked_how = models.CharField(max_length=16, blank=True, default="")
    active_at = models.DateTimeField(null=True)  # when a person last did something for it, as far as we have looked
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=300, blank=True, default="")
    follows = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="followed_by")

    objects = PageQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["about", "status"], name="notify_page_about"),
            models.Index(fields=["due_at"], condition=models.Q(status__in=LIVE), name="notify_page_due"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=models.Q(status__in=LIVE), name="notify_page_lives_once")
        ]

    def __str__(self) -> str:
        return self.title

    @cached_property
    def climb(self) -> Climb:
        """What it took with it never changes."""
        return thawed(self.frozen)

    @property
    def work_key(self) -> str:
        return str(self.pk)

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    def get_absolute_url(self) -> str:
        return reverse("notify:page", args=[self.pk])


class Notice(models.Model):
    """One person, or an audience's own ways, told by one rung of a page. Written with the page's move, never alone."""

    page = models.ForeignKey(Page, on_delete=models.PROTECT, related_name="notices")
    round = models.PositiveIntegerField()
    step = models.PositiveIntegerField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    audience = models.ForeignKey(Audience, null=True, on_delete=models.PROTECT, related_name="+")
    why = models.CharField(max_length=160)  # the target that named them: `rotation:primary`
    reachable = models.BooleanField(default=True)
    message = models.ForeignKey(Message, null=True, on_delete=models.PROTECT, related_name="notices")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["page", "round", "step", "user"], name="notify_notice_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=models.Q(user__isnull=False) ^ models.Q(audience__isnull=False), name="notify_notice_of_one"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.audience} of page {self.page_id}"

    @property
    def rung(self) -> tuple[int, int]:
        return self.round, self.step
