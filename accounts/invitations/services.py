"""Inviting people, and letting them in."""

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.grants.services import request_grant
from accounts.invitations.models import Invitation, InvitationStatus
from accounts.levels import Level
from accounts.models import User
from accounts.shielding import shielded
from ledger import Invalid, Refused, record, transition
from work import enqueue

SALT = "accounts.invitation"
LIFE = timedelta(days=7)
MAIL = "accounts.invitation"


@transaction.atomic
def invite(*, email: str, levels: list[str], by: User) -> Invitation:
    """Send somebody a link. Levels are asked for in the inviter's name once they are in."""
    if not by.has_level(Level.ADMIN):
        raise Refused("only an admin invites people", "ask an admin")
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Invalid("email", f"{email[:100]!r} is not an address", "such as ana@example.org") from None
    if unknown := sorted(set(levels) - set(Level.values)):
        raise Invalid("levels", f"unknown: {', '.join(unknown)}", "some of " + ", ".join(Level.values))
    if User.objects.filter(email__iexact=email).exists():
        raise Invalid("email", "somebody with this address is here already")
    stale = Invitation.objects.filter(email=email, status=InvitationStatus.SENT).first()
    if stale:
        transition(stale, InvitationStatus.WITHDRAWN, actor=by.actor, reason="invited anew")
    invitation = Invitation.objects.create(
        email=email,
        levels=[level for level in levels if level != Level.VIEWER],
        invited_by=by,
        expires_at=timezone.now() + LIFE,
    )
    record(
        "invitation.sent",
        actor=by.actor,
        subject=invitation.subject,
        after={"email": shielded(email), "levels": invitation.levels, "expires_at": invitation.expires_at},
    )
    enqueue(
        MAIL,
        key=str(invitation.pk),
        actor=by.actor,
        subject=invitation.subject,
        payload={"invitation": invitation.pk},
        deadline=invitation.expires_at,
    )
    return invitation


def link_of(invitation: Invitation) -> str:
    """Made when it is mailed, kept nowhere: the signature is the secret."""
    token = signing.dumps(invitation.pk, salt=SALT)
    return f"{settings.PUBLIC_URL}{reverse('accounts:invitation', args=[token])}"


def find_invitation(token: str) -> Invitation:
    """The invitation behind a link, or a clear reason why there is none."""
    gone = Refused("this invitation is not valid", "ask whoever invited you for a new one", "invitation")
    try:
        pk = signing.loads(token, salt=SALT, max_age=LIFE)
    except signing.BadSignature:
        raise gone from None
    invitation = Invitation.objects.select_related("invited_by").filter(pk=pk).first()
    if invitation is None or invitation.status != InvitationStatus.SENT or invitation.expires_at <= timezone.now():
        raise gone
    if not invitation.invited_by.has_level(Level.ADMIN):
        raise gone
    return invitation


def accept(*, token: str, username: str, name: str, password: str) -> User:
    """Make the account. Its address is proved by the link; its levels wait for a second admin."""
    with transaction.atomic():
        invitation = find_invitation(token)
        user = User(username=username, name=name.strip(), email=invitation.email)
        try:
            user.clean_fields(exclude=["password"])
        except ValidationError as exc:
            field, messages = next(iter(exc.message_dict.items()))
            raise Invalid(field, messages[0]) from None
        try:
            validate_password(password, user)
        except ValidationError as exc:
            raise Invalid("password", " ".join(exc.messages)) from None
        user.set_password(password)
        try:
            with transaction.atomic():
                user.save()
        except IntegrityError:
            raise Invalid("username", f"{username!r} is taken", "choose another") from None
        EmailAddress.objects.create(user=user, email=invitation.email, verified=True, primary=True)
        also = {"user": user}
        after = {"user": user.actor, "username": username}
        transition(invitation, InvitationStatus.ACCEPTED, actor=user.actor, also=also, after=after)
        record("user.joined", actor=user.actor, subject=user.actor, after={"username": username})
        for level in invitation.levels:
            request_grant(user=user, level=level, by=invitation.invited_by, reason="invited", actor="system:invitation")
    return user


@transaction.atomic
def withdraw_invitation(*, invitation: Invitation, by: User) -> None:
    """Its link stops working."""
    if not by.has_level(Level.ADMIN):
        raise Refused("only an admin withdraws invitations", "ask an admin")
    transition(invitation, InvitationStatus.WITHDRAWN, actor=by.actor)
