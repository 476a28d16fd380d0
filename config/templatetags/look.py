"""`{% load look %}`: the components. One line each; what they draw is in templates/components."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import wraps
from typing import Any

from django import template
from django.conf import settings
from django.forms import BaseForm, BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.template.context import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.selectors import actor_name
from config.look import blockies, marks, text
from config.look.navigation import NavItem, account_links, first_url, navigation

register = template.Library()
Draw = Callable[..., dict[str, Any]]


def component(name: str) -> Callable[[Draw], Draw]:
    """Registers a tag drawn by templates/components/<name>.html, without the line end of the file:
    a component stands in the middle of a sentence."""

    def decorate(draw: Draw) -> Draw:
        @wraps(draw)
        def tag(*args: Any, **kwargs: Any) -> SafeString:
            return SafeString(render_to_string(f"components/{name}.html", draw(*args, **kwargs)).strip())

        register.simple_tag(tag, name=name)
        return draw

    return decorate


@register.simple_tag
def chunks(value: str) -> SafeString:
    """Groups of four that may break between each other; their text is the value itself, to be read or copied."""
    parts = ((" chunk-prefix" if part in ("0x", "0X") else "", part) for part in text.chunks(value))
    return format_html_join(SafeString("<wbr>"), '<span class="chunk{}">{}</span>', parts)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A symbol of the sprite; with a label it speaks, without it is decoration."""
    href = f"{static('img/icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon icon-{}" role="img" aria-label="{}"><use href="{}"/></svg>', name, label, href
        )
    return format_html('<svg class="icon icon-{}" aria-hidden="true"><use href="{}"/></svg>', name, href)


@component("copy")
def copy(value: str, label: str = "value") -> dict[str, Any]:
    """A button that copies the whole value."""
    return {"value": value, "label": label}


@component("hash")
def hash_tag(value: str, label: str = "hash", short: bool = False, block: bool = False) -> dict[str, Any]:
    """A hash in groups of four; `short` for dense tables, `block` as a grid for comparing with a device."""
    value = str(value or "")
    return {
        "value": value,
        "label": label,
        "short": short,
        "block": block,
        "shortened": text.shorten(value),
    }


@component("address")
def address(value: str, label: str = "", short: bool = False, picture: bool = True, href: str = "") -> dict[str, Any]:
    """An address with its picture, its name where we know one, and all of its characters."""
    value = str(value or "")
    return {
        "value": value,
        "label": label,
        "href": href,
        "short": short,
        "shortened": text.shorten(value),
        "picture": blockies.blocky(value) if picture and value else None,
    }


@component("status")
def status(value: Any, label: str = "") -> dict[str, Any]:
    """A status: shape, word and colour."""
    mark = marks.status_mark(str(value))
    return {"mark": mark, "text": label or mark.text}


@component("severity")
def severity(value: Any) -> dict[str, Any]:
    """SEV1…SEV4."""
    return {"mark": marks.severity_mark(str(value))}


@component("when")
def when(value: datetime | None, form: str = "full", never: str = "never") -> dict[str, Any]:
    """A time in UTC with a live relative form: `full`, `relative`, `clock` (time of day) or `date`."""
    if value is None:
        return {"never": never}
    moment = value.astimezone(timezone.get_fixed_timezone(0))
    return {"moment": moment, "form": form, "relative": text.relative(moment, timezone.now())}


@component("clock")
def clock(since: datetime, until: datetime | None = None, target: int = 0, label: str = "elapsed") -> dict[str, Any]:
    """Counts up from `since`; stands still at `until`; shows that it is late after `target` seconds."""
    span = (until or timezone.now()) - since
    return {
        "since": since,
        "until": until,
        "target": target,
        "label": label,
        "text": text.clock(span),
        "late": bool(target) and span > timedelta(seconds=target),
    }


@component("amount")
def amount(value: int | str | Decimal | None, decimals: int = 0, symbol: str = "") -> dict[str, Any]:
    """A token amount, exact, from its integer."""
    if value is None or value == "":
        return {"unknown": True}
    sign, whole, fraction = text.exact(value, decimals)
    return {"sign": sign, "groups": text.groups(whole), "fraction": fraction, "symbol": symbol, "whole": whole}


@component("number")
def number(value: int | None) -> dict[str, Any]:
    """A whole number such as a block, its digits in threes."""
    return amount(value)


@component("empty")
def empty(title: str, hint: str = "", href: str = "", label: str = "", picture: str = "ring") -> dict[str, str]:
    """Nothing here yet, and what to do next."""
    return {"title": title, "hint": hint, "href": href, "label": label, "picture": picture}


@component("page_head")
def page_head(title: str, kicker: str = "", lead: str = "", crumbs: str = "") -> dict[str, Any]:
    """The page's one h1. `crumbs` is `Incidents=/incidents/, Incident 42=/incidents/42/`."""
    trail = [part.strip().rpartition("=")[::2] for part in crumbs.split(",") if part.strip()]
    return {"title": title, "kicker": kicker, "lead": lead, "trail": [c for c in trail if c[0]]}


@component("field")
def field(bound: BoundField, label: str = "", hint: str = "") -> dict[str, Any]:
    """A form field: label, help, control, error, tied together for a screen reader."""
    widget = bound.field.widget
    kind = "choices" if isinstance(widget, RadioSelect | CheckboxSelectMultiple) else "text"
    if isinstance(widget, CheckboxInput):
        kind = "check"
    return {"field": bound, "kind": kind, "label": label or bound.label, "hint": hint or bound.help_text}


@component("fields")
def fields(form: BaseForm) -> dict[str, Any]:
    """Every field of a form, its summary of errors first."""
    return {"form": form, "bound": form.visible_fields(), "hidden": form.hidden_fields()}


@component("error_summary")
def error_summary(form: BaseForm) -> dict[str, Any]:
    """What must be put right, each with a link to its field."""
    wrong = [bound for bound in form if bound.errors]
    return {"form": form, "wrong": wrong, "general": form.non_field_errors() if form.is_bound else []}


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(context: Context, page: Any) -> dict[str, Any]:
    """Previous and next of a Django paginator's page, keeping the other query parameters."""
    request = context.get("request")
    query = request.GET.copy() if request else None
    if query is not None:
        query.pop("page", None)
    return {"page": page, "query": f"{query.urlencode()}&" if query else ""}


@component("progress")
def progress(value: int, total: int, label: str = "") -> dict[str, Any]:
    """How far a long piece of work is."""
    return {"value": value, "total": total, "label": label}


@register.simple_tag(takes_context=True)
def nav_items(context: Context) -> list[NavItem]:
    """The top bar's links for this page."""
    request = context.get("request")
    return navigation(request.path if request else "")


@register.simple_tag
def account_items() -> list[NavItem]:
    return account_links()


@register.simple_tag
def first_of(*names: str) -> str:
    """The URL of the first name that exists, or an empty text."""
    return first_url(names)


@register.simple_tag
def devnet_ribbon() -> str:
    """What the ribbon on top says where nothing is real; empty elsewhere."""
    if not settings.DEVNET_ENABLED:
        return ""
    return f"devnet {settings.DEVNET_CHAIN_ID}: nothing here is real"


@register.filter
def joined(values: Iterable[Any]) -> str:
    """`a, b, c`."""
    return ", ".join(str(value) for value in values)


@register.filter
def called(actor: str) -> str:
    """A person's name for their actor."""
    return actor_name(actor)
