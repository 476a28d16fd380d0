"""What a page that follows a message shows."""

from django.template.loader import render_to_string

from ledger.live.topics import topic
from ledger.models import Event
from notify.models import Delivery, Message, Page
from notify.pages.selectors import shown
from notify.selectors import copies


def _scope_of(pk: int) -> int | None:
    found = Message.objects.filter(pk=pk).values_list("scope_id", flat=True).first()
    if found is None and not Message.objects.filter(pk=pk).exists():
        raise LookupError(pk)
    return found


def _matches(event: Event) -> list[int]:
    noun, _, number = event.subject.partition(":")
    if noun == "message":
        return [int(number)]
    if noun == "delivery":
        return list(Delivery.objects.filter(pk=int(number)).values_list("message_id", flat=True))
    return []


def _render(_event: Event, pk: int, audience: str) -> str:
    message = Message.objects.select_related("audience").get(pk=pk)
    context = {"message": message, "copies": copies(message), "oob": True}
    context["sees_addresses"] = audience != "viewer"
    return render_to_string("notify/_state.html", context)


topic("message", scope_of=_scope_of, matches=_matches, render=_render)


def _scope_of_page(pk: int) -> int | None:
    found = Page.objects.filter(pk=pk).values_list("pk", "scope_id").first()
    if found is None:
        raise LookupError(pk)
    return found[1]


def _pages(event: Event) -> list[int]:
    noun, _, number = event.subject.partition(":")
    if noun == "page":
        return [int(number)]
    if noun == "delivery":
        of = Delivery.objects.filter(pk=int(number)).values("message_id")
        return list(Page.objects.filter(notices__message__in=of).values_list("pk", flat=True).distinct())
    return []


def _render_page(_event: Event, pk: int, audience: str) -> str:
    page = Page.objects.select_related("acked_by", "scope").get(pk=pk)
    context = {**shown(page), "oob": True, "sees_addresses": audience != "viewer"}
    context["may_act"] = audience in ("responder", "commander", "admin")
    return render_to_string("notify/_page_state.html", context)


topic("page", scope_of=_scope_of_page, matches=_pages, render=_render_page)
