"""Reading approvals, and judging them."""

from collections import OrderedDict

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.approvals.models import Approval, ApprovalStatus, Decision, Verdict
from accounts.approvals.proofs import holds
from accounts.models import User

LIVE = (ApprovalStatus.OPEN, ApprovalStatus.SATISFIED)


def in_role(approval: Approval, user: User) -> bool:
    """Role or above, and never the requester; asks no database, for lists of what is visible already."""
    asked = user.pk in (approval.requester_user_id, approval.drafter_user_id) or approval.requester == user.actor
    return user.has_level(approval.role) and not asked


def may_decide(approval: Approval, user: User) -> bool:
    """In the role, and the scope is visible to them."""
    return in_role(approval, user) and Approval.objects.filter(pk=approval.pk).visible_to(user).exists()


def counting(approval: Approval) -> list[Decision]:
    """The yeses that count at this moment: still active, still of the role, proof still holding."""
    given = (
        Decision.objects.select_related("user")
        .filter(approval=approval, verdict=Verdict.GIVEN, withdrawn_at=None)
        .order_by("decided_at", "id")
    )
    return [decision for decision in given if may_decide(approval, decision.user) and holds(approval, decision)]


def is_valid(approval: Approval) -> bool:
    """Judged now, not remembered."""
    if approval.status not in LIVE or approval.is_expired:
        return False
    return len(counting(approval)) >= approval.required


def is_satisfied(subject: str, subject_hash: str) -> bool:
    """Whether every approval asked for exactly this hash of this subject holds now. Nothing asked is not a yes."""
    latest: OrderedDict[tuple[str, str], Approval] = OrderedDict()
    for approval in Approval.objects.filter(about=subject, subject_hash=subject_hash.lower()).order_by("id"):
        latest[approval.role, approval.needs] = approval
    return bool(latest) and all(is_valid(approval) for approval in latest.values())


def waiting_for(user: User) -> QuerySet[Approval]:
    """What this person can decide and has not: open, of their role, not their own request, visible to them."""
    roles = [role for role in ("viewer", "auditor", "responder", "commander", "admin") if user.has_level(role)]
    now = timezone.now()
    return (
        Approval.objects.visible_to(user)
        .filter(status=ApprovalStatus.OPEN, role__in=roles)
        .exclude(
            Q(requester_user=user)
            | Q(drafter_user=user)
            | Q(requester=user.actor)
            | Q(decisions__user=user)
            | Q(expires_at__lte=now)
        )
        .select_related("scope", "requester_user")
        .order_by("id")
    )
