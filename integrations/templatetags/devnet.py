"""`{% load devnet %}{% devnet_wallet %}` in a page's head: the devnet wallet where there is one, nothing elsewhere."""

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.devnet.wallet import wallet_is_served

register = template.Library()


@register.simple_tag
def devnet_wallet() -> SafeString:
    if not wallet_is_served():
        return SafeString("")
    return format_html('<script src="{}" type="module"></script>', reverse("integrations:devnet-wallet"))
