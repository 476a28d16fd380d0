"""The page of a postmortem, and what can be taken away."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.decorators import current_user, require_level
from incidents.commands.parsing import person_in
from incidents.incidents.models import Incident
from incidents.incidents.selectors import WarRoom, visible_incidents
from incidents.incidents.words import GROUPS
from incidents.postmortems.export import action_items, as_json, as_ledger, as_markdown
from incidents.postmortems.models import Postmortem
from incidents.postmortems.services import SECTIONS, draft, edit_section, mark_of
from incidents.todo.services import open_task
from ledger.errors import Invalid, Refused
from ledger.models import Event
from runbooks.runs.selectors import MAY_RUN


def _incident(request: HttpRequest, pk: int) -> Incident:
    return get_object_or_404(visible_incidents(current_user(request)), pk=pk)


def _written(request: HttpRequest, pk: int) -> Postmortem:
    found = Postmortem.objects.visible_to(current_user(request))
    found = found.select_related("incident__scope", "incident__commander")
    return get_object_or_404(found, incident_id=pk)


@require_GET
@login_required
def postmortem_page(request: HttpRequest, pk: int) -> HttpResponse:
    user, incident = current_user(request), _incident(request, pk)
    written = Postmortem.objects.filter(incident=incident).first()
    context = {
        "incident": incident,
        "written": written,
        "sections": [
            (name, title, text := getattr(written, name, ""), mark_of(text)) for name, title in SECTIONS.items()
        ],
        "edits": _edits(written) if written else [],
        "room": WarRoom(incident, user),
        "action_items": action_items(incident),
        "groups": GROUPS,
        "may_run": str(user.level) in MAY_RUN,
    }
    return render(request, "incidents/postmortem.html", context)


def _edits(written: Postmortem) -> list[tuple[Event, str, str]]:
    """Each change: the event, the section, and what it said before; the newest first."""
    events = Event.objects.filter(subject=written.subject, verb="postmortem.edited").order_by("-pk")[:50]
    return [
        (event, str((event.after or {}).get("section", "")), str(next(iter((event.before or {}).values()), "")))
        for event in events
    ]


def _then(request: HttpRequest, pk: int, act: Callable[[], Any]) -> HttpResponse:
    """Back to the page, which tells a refusal."""
    try:
        act()
    except (Invalid, Refused) as error:
        messages.error(request, f"{getattr(error, 'field', '')} {error.message} {error.hint}".strip())
    return redirect("incidents:postmortem", pk)


@require_POST
@require_level("responder")
def begin(request: HttpRequest, pk: int) -> HttpResponse:
    user, incident = current_user(request), _incident(request, pk)
    return _then(request, pk, lambda: draft(incident=incident, user=user, actor=user.actor))


@require_POST
@require_level("responder")
def write(request: HttpRequest, pk: int, section: str) -> HttpResponse:
    written, actor = _written(request, pk), current_user(request).actor
    text, seen = request.POST.get("text", ""), request.POST.get("seen", "")
    return _then(
        request,
        pk,
        lambda: edit_section(postmortem=written, section=section, text=text, seen=seen, actor=actor),
    )


@require_POST
@require_level("responder")
def add_item(request: HttpRequest, pk: int) -> HttpResponse:
    """An action item: a task with a day."""
    user, incident = current_user(request), _incident(request, pk)

    def add() -> None:
        owner, _ = person_in(request.POST.get("owner", ""))
        open_task(
            incident=incident,
            title=request.POST.get("title", ""),
            assignee=owner,
            due_on=_day(request.POST.get("due_on", "")),
            actor=user.actor,
        )

    return _then(request, pk, add)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("due_on", "is not a day", "such as 2026-12-01") from None


@require_GET
@login_required
def exported(request: HttpRequest, pk: int, form: str) -> HttpResponseBase:
    """`md`, `json`, or `jsonl`: lines of the ledger, of which only the kinds that were asked for are shown."""
    user, name = current_user(request), f"incident-{pk}-postmortem"
    if form == "jsonl":
        groups = frozenset(request.GET.getlist("show")) & GROUPS.keys()
        lines = as_ledger(_incident(request, pk), user, frozenset(groups))
        answer: HttpResponseBase = StreamingHttpResponse(lines, content_type="application/jsonl")
    elif form == "md":
        text = as_markdown(_written(request, pk), user)
        answer = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    elif form == "json":
        told = as_json(_written(request, pk), user)
        answer = JsonResponse(told, json_dumps_params={"ensure_ascii": False, "indent": 1})
    else:
        raise Http404
    answer["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return answer
