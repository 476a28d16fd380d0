"""What accounts has to get done outside: the mail of an invitation."""

from datetime import timedelta

from django.core.mail import send_mail
from django.template.loader import render_to_string

from accounts.invitations.models import Invitation, InvitationStatus
from accounts.invitations.services import MAIL, link_of
from work import Backoff, Done, Lease, Outcome, Retry, handler


@handler(MAIL, lease=30, max_attempts=8, backoff=Backoff(base=2, cap=300))
def send_invitation(lease: Lease) -> Outcome:
    """Mail the link. Twice is possible (a crash after the mail went out) and harmless: it is the same invitation."""
    invitation = Invitation.objects.select_related("invited_by").get(pk=lease.work.payload["invitation"])
    if invitation.status != InvitationStatus.SENT:
        return Done({"sent": False, "because": invitation.status})
    context = {"invitation": invitation, "link": link_of(invitation)}
    text = render_to_string("accounts/mail/invitation.txt", context)
    try:
        send_mail("[Breakglass] You are invited", text, None, [invitation.email])
    except OSError as exc:  # smtplib's errors and a refused connection are both of it
        return Retry(f"the mail server did not take it: {type(exc).__name__}", after=timedelta(seconds=10))
    return Done({"sent": True})
