"""A link that acknowledges without a login: it names a page and a person, and the signature is the secret."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts.models import User
from ledger import Refused
from notify.deliveries.models import Delivery
from notify.pages.models import Notice, Page

SALT = "notify.ack"
LIFE = timedelta(days=7)
TEMPLATE = "page"  # of the messages that a page sends


@dataclass(frozen=True)
class Told:
    """Who holds the link, and for which page."""

    page: Page
    user: User


def ack_link(*, page_id: int, user_id: int) -> str:
    token = signing.dumps([page_id, user_id], salt=SALT)
    return f"{settings.PUBLIC_URL}{reverse('notify:ack-link', args=[token])}"


def link_for(delivery: Delivery) -> str:
    """Of a page, each person's copy has a link of its own. It is made when the copy leaves and kept nowhere: whoever
    may read messages here must not be able to acknowledge in another's name."""
    message = delivery.message
    if message.template != TEMPLATE or delivery.user_id is None:
        return message.link
    page_id = Notice.objects.filter(message=message, user_id=delivery.user_id).values_list("page_id", flat=True).first()
    return ack_link(page_id=page_id, user_id=delivery.user_id) if page_id else message.link


def find_by_link(token: str) -> Told:
    """What the link is for, or a clear reason why it is worth nothing."""
    gone = Refused("this link is not valid", "sign in and look at the pages that wait for you", "link")
    try:
        page_id, user_id = signing.loads(token, salt=SALT, max_age=LIFE)
    except (signing.BadSignature, ValueError, TypeError):
        raise gone from None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    page = (
        Page.objects.visible_to(user).select_related("acked_by", "scope").filter(pk=page_id).first() if user else None
    )
    if user is None or page is None or not user.has_level("responder"):  # whoever was demoted since cannot act on it
        raise gone
    return Told(page, user)
