"""People, and what hangs on them; each noun has its own folder."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower

from accounts.api.models import StoredAnswer
from accounts.approvals.models import Approval, Decision
from accounts.grants.models import RoleGrant
from accounts.invitations.models import Invitation
from accounts.levels import LADDER, Level, highest, rank
from accounts.tokens.models import ApiToken
from accounts.wallets.models import SignInNonce, Wallet

__all__ = [
    "ApiToken",
    "Approval",
    "Decision",
    "Invitation",
    "RoleGrant",
    "SignInNonce",
    "StoredAnswer",
    "User",
    "Wallet",
]


class User(AbstractUser):
    """Somebody who can log in. What they may do follows from their role grants alone, never from `is_superuser`."""

    id: int
    name = models.CharField(max_length=80, blank=True, default="", help_text="as others see it")
    first_name = None  # type: ignore[assignment]  # one name field is enough; this removes Django's two
    last_name = None  # type: ignore[assignment]

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(Lower("username"), name="accounts_username_any_case"),
            models.UniqueConstraint(Lower("email"), condition=~models.Q(email=""), name="accounts_email_any_case"),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        return self.name or self.username

    def get_full_name(self) -> str:
        return self.display_name

    def get_short_name(self) -> str:
        return self.display_name

    @property
    def actor(self) -> str:
        return f"user:{self.pk}"

    @cached_property
    def granted(self) -> frozenset[str]:
        """The levels granted and not revoked; read once an instance, afresh after `refresh_from_db()`."""
        return frozenset(RoleGrant.objects.active().filter(user_id=self.pk).values_list("level", flat=True))

    @staticmethod
    def with_granted(users: Iterable["User"]) -> "list[User]":
        """What was granted to each of them, read for all at once."""
        people, levels = list(users), defaultdict[int, set[str]](set)
        for user_id, granted in RoleGrant.objects.active().filter(user__in=people).values_list("user_id", "level"):
            levels[user_id].add(granted)
        for user in people:
            user.__dict__["granted"] = frozenset(levels[user.pk])
        return people

    @classmethod
    def viewers(cls, ids: Iterable[int]) -> "list[User]":
        """As the ledger asks for those whose sockets it serves: two queries, however many they are."""
        return cls.with_granted(cls.objects.filter(pk__in=list(ids)))

    @property
    def level(self) -> Level:
        return highest(self.granted) if self.is_active else Level.VIEWER

    def has_level(self, level: str) -> bool:
        """Whether the person stands at this level or above; `auditor` is only what was granted as such."""
        if not self.is_active:
            return False
        if level == Level.AUDITOR:
            return Level.AUDITOR in self.granted
        return rank(self.level) >= rank(level)

    @property
    def level_words(self) -> str:
        """Every level held, the highest first."""
        return ", ".join(sorted(self.granted, key=lambda level: (-rank(level), level))) or Level.VIEWER.value

    @property
    def sees_all(self) -> bool:
        return self.is_active and bool(self.granted & {Level.AUDITOR, Level.ADMIN})

    @property
    def actor_ids(self) -> frozenset[str]:
        """`user:12` and every role held or implied: a scope whose member is `role:responder` has commanders too."""
        roles = {f"role:{level}" for level in LADDER if rank(level) <= rank(self.level)}
        if Level.AUDITOR in self.granted:
            roles.add("role:auditor")
        return frozenset({self.actor, *roles})

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        self.__dict__.pop("granted", None)
        super().refresh_from_db(*args, **kwargs)
