"""How events are shown."""

import json
from typing import Any

from django import template

from ledger.models import EventLink

register = template.Library()


@register.filter
def as_json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)


@register.filter
def link_hash(link: EventLink) -> str:
    return "0x" + bytes(link.hash).hex()
