"""A link for a signer without an account: whoever holds it reads one proposal and may hand in signatures for it."""

from datetime import timedelta

import segno
from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from governance.proposals.counting import why_closed
from governance.proposals.models import Proposal
from ledger import Refused

SALT = "governance.signing"
LIFE = timedelta(days=14)


def link_of(proposal: Proposal) -> str:
    """Made when it is shown, kept nowhere: the signature is the secret. It ends with the collection."""
    token = signing.dumps([proposal.pk, proposal.safe_tx_hash[:18]], salt=SALT)
    return f"{settings.PUBLIC_URL}{reverse('governance:sign-link', args=[token])}"


def find_by_link(token: str) -> Proposal:
    """The proposal behind a link, or a clear reason why it takes no signature."""
    gone = Refused("This link is not valid.", "ask whoever gave it to you for a new one", "link")
    try:
        pk, digest = signing.loads(token, salt=SALT, max_age=LIFE)
    except (signing.BadSignature, ValueError, TypeError):
        raise gone from None
    proposal = Proposal.objects.select_related("safe__chain", "scope", "plan").filter(pk=pk).first()
    if proposal is None or not proposal.safe_tx_hash.startswith(digest):
        raise gone
    if closed := why_closed(proposal):
        raise closed
    return proposal


def qr(text: str) -> SafeString:
    """A QR code as SVG without any style in it, so that the page's policy lets it through."""
    code = segno.make(text, error="m", micro=False)
    svg = code.svg_inline(scale=4, border=2, dark="#000", light="#fff", omitsize=True)
    return mark_safe(svg)  # noqa: S308  made here, from a link or a hash
