"""Making, finding and ending API tokens."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from accounts.levels import rank
from accounts.models import ApiToken, User
from accounts.tokens.models import TokenScope
from ledger import Invalid, Refused, record
from ledger.statements import Shape, say

PREFIX = "bg_"
LAST_USED_EVERY = timedelta(minutes=1)
# Asked with every request of a program: composing it anew would take longer than answering it.
KEY, OWNER = Shape(ApiToken), Shape(User)
FIND = f"""
SELECT {KEY.columns("t")}, {OWNER.columns("u")},
  ARRAY(SELECT g.level FROM accounts_rolegrant g WHERE g.user_id = t.user_id AND g.status = 'active')
FROM accounts_apitoken t JOIN accounts_user u ON u.id = t.user_id
WHERE t.digest = %(digest)s AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > %(now)s)
  AND u.is_active
"""  # noqa: S608  # columns of ours


def digest_of(token: str) -> str:
    """A plain sha256 is enough: the token holds 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()


def create_token(
    *, user: User, name: str, scopes: list[str], expires_at: datetime | None = None, actor: str
) -> tuple[ApiToken, str]:
    """The token itself is returned this one time and kept nowhere."""
    if slugify(name) != name or not 1 <= len(name) <= 40:
        raise Invalid(
            "name", f"{name!r} is not a name", "up to 40 small letters, digits and hyphens, such as ci-alerts"
        )
    unknown = sorted(set(scopes) - set(TokenScope.values))
    if unknown or not scopes:
        raise Invalid(
            "scopes",
            f"unknown: {', '.join(unknown)}" if unknown else "choose at least one",
            "one or more of " + ", ".join(TokenScope.values),
        )
    if TokenScope.ADMIN in scopes and rank(user.level) < rank("admin"):
        raise Invalid("scopes", "only an admin may make a token with the scope admin")
    if expires_at and expires_at <= timezone.now():
        raise Invalid("expires_at", "lies in the past")
    secret = PREFIX + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                user=user,
                name=name,
                digest=digest_of(secret),
                prefix=secret[:8],
                scopes=sorted(set(scopes)),
                expires_at=expires_at,
            )
            record(
                "token.created",
                actor=actor,
                subject=token.actor,
                after={"owner": user.actor, "scopes": token.scopes, "expires_at": expires_at},
            )
    except IntegrityError:
        raise Invalid("name", f"{name!r} was used before", "choose another: names stay in the ledger") from None
    return token, secret


def find_token(secret: str) -> ApiToken | None:
    """The live token of an active owner, or None."""
    if not secret.startswith(PREFIX) or len(secret) > 100:
        return None
    now = timezone.now()
    rows = say(FIND, {"digest": digest_of(secret), "now": now})
    if not rows:
        return None
    columns = iter(rows[0])
    token = KEY.build(columns)
    token.user = OWNER.build(columns)
    token.user.granted = frozenset(next(columns))
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


@transaction.atomic
def revoke_token(*, token: ApiToken, by: User) -> None:
    """The owner or any admin ends a token; it stops with the next request."""
    if token.user_id != by.pk and rank(by.level) < rank("admin"):
        raise Refused("this is somebody else's token", "its owner or an admin may revoke it")
    if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        raise Refused("this token is revoked already")
    record("token.revoked", actor=by.actor, subject=token.actor, before={"revoked": False}, after={"revoked": True})
