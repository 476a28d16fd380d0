"""What a page that follows a message shows."""

from django.template.loader import render_to_string

from ledger.live.topics import topic
from ledger.models import Event
from notify.models import Delivery, Message
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
