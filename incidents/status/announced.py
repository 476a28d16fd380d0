"""What the public may know of: nothing private, and nothing that no person has looked at."""

from django.db.models import Q, QuerySet

from incidents.incidents.models import Incident
from ledger.models import ScopeClosure
from notify.messages.models import LET_OUT
from notify.models import Message

PUBLIC_AUDIENCES = ("users",)
NOTHING = ("declined", "merged")  # what was merged is told of where it went
JUDGED = Q(severity_by__startswith="user:") | Q(severity_by__startswith="token:")
SLIGHT = Q(severity__in=("SEV3", "SEV4"))


def private_scopes() -> "QuerySet[ScopeClosure, int]":
    """Scopes with something private above them: of these the public hears nothing."""
    return ScopeClosure.objects.filter(ancestor__private=True).values_list("descendant_id", flat=True)


def public_messages() -> "QuerySet[Message]":
    """Let out to the public, and of nothing private."""
    found = Message.objects.filter(audience__slug__in=PUBLIC_AUDIENCES, status__in=LET_OUT)
    return found.exclude(scope__in=private_scopes())


def public_incidents() -> "QuerySet[Incident]":
    """With nothing private above them. What only an alarm has said is not announced: somebody takes command, judges how
    grave it is, or lets out a word about it. Nor is what is slight and only looked at, or turned out to be nothing."""
    found = Incident.objects.exclude(scope__in=private_scopes()).exclude(status__in=NOTHING)
    told = ScopeClosure.objects.filter(descendant__in=public_messages().values("scope")).values("ancestor")
    return found.exclude(Q(status="triage") & (SLIGHT | (~JUDGED & ~Q(scope__in=told))))
