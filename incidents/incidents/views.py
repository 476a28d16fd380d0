"""Pages of incidents: the list, the war room, and what people do there."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import current_user, require_level
from accounts.models import User
from governance.protocols.models import Protocol
from incidents.commands.verbs import COMMANDS
from incidents.incidents import services
from incidents.incidents.board import related_to
from incidents.incidents.forms import OpenForm
from incidents.incidents.models import OVER, Incident
from incidents.incidents.record import record_of
from incidents.incidents.selectors import WarRoom, open_incidents, prefilled, visible_incidents
from incidents.incidents.words import GROUPS
from incidents.updates.models import Update
from incidents.updates.services import PARTS, edit
from ledger.errors import Invalid
from ledger.selectors import last_seq
from runbooks.answering import answered
from runbooks.plans.world import context_for
from runbooks.playbooks.models import Playbook
from runbooks.playbooks.selectors import all_playbooks, document_of, newest_version
from runbooks.runs.forms import InputsForm
from runbooks.runs.models import Run
from runbooks.runs.selectors import MAY_RUN, MAY_STEER


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    user = current_user(request)
    past = visible_incidents(user).filter(status__in=OVER)[:50]
    context = {"open": open_incidents(user), "past": past, "may_open": user.has_level("responder"), "seq": last_seq()}
    return render(request, "incidents/index.html", context)


MAY = {"responder": MAY_RUN, "commander": MAY_STEER}


def war_context(incident: Incident, audience: str, viewer: Any) -> dict[str, Any]:
    """What the page and its live fragments draw from; the same for everybody of an audience who may see it."""
    return room_context(WarRoom(incident, viewer), audience)


def room_context(room: WarRoom, audience: str) -> dict[str, Any]:
    """What was read already is drawn for another audience without being read again."""
    return {
        "room": room,
        "incident": room.incident,
        "list": SimpleLazyObject(lambda: room.current),
        "run": SimpleLazyObject(lambda: room.current.run if room.current else None),
        "may_run": audience in MAY_RUN,
        "may_steer": audience in MAY_STEER,
        "playbooks": all_playbooks(),
        "commands": [
            one for one in COMMANDS.values() if one.bar and (one.level == "responder" or audience in MAY_STEER)
        ],
    }


def _asked(request: HttpRequest) -> tuple[str, int]:
    """Which part of the record, and the number of the event before which it ends; 0 for its end."""
    group, before = request.GET.get("show", ""), request.GET.get("before", "")
    known = before.isascii() and before.isdigit() and len(before) < 19
    return group if group in GROUPS else "", int(before) if known else 0


@require_GET
@login_required
def incident_page(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    seq = last_seq()
    incident = get_object_or_404(visible_incidents(user), pk=pk)
    group, before = _asked(request)
    context = {
        **war_context(incident, str(user.level), user),
        "seq": seq,
        "related": related_to(incident, user),
        "page": record_of(incident, user, group=group, before=before),
        "group": group,
        "groups": GROUPS,
    }
    return render(request, "incidents/incident.html", context)


@require_GET
@login_required
def timeline(request: HttpRequest, pk: int) -> HttpResponse:
    """An earlier page of the record, to be hung below the one that is there."""
    user = current_user(request)
    incident = get_object_or_404(visible_incidents(user), pk=pk)
    group, before = _asked(request)
    page = record_of(incident, user, group=group, before=before)
    return render(request, "incidents/lines.html", {"incident": incident, "page": page, "group": group})


@require_GET
@login_required
def of_scope(request: HttpRequest, scope: int) -> HttpResponse:
    """Rooms below know an incident only by its scope."""
    incident = get_object_or_404(visible_incidents(current_user(request)), scope_id=scope)
    return redirect("incidents:incident", incident.pk)


@require_http_methods(["GET", "POST"])
@require_level("responder")
def open_page(request: HttpRequest) -> HttpResponse:
    form = OpenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = current_user(request)
        data = form.cleaned_data
        try:
            incident = services.open_incident(
                title=data["title"],
                summary=data["summary"],
                severity=data["severity"],
                protocol=data["protocol"],
                private=data["private"],
                actor=user.actor,
            )
            return redirect("incidents:incident", incident.pk)
        except Invalid as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
    return render(request, "incidents/open.html", {"form": form}, status=400 if form.errors else 200)


def redrawn(request: HttpRequest, user: User, pk: int, **extra: Any) -> HttpResponse:
    """What may have changed by what somebody did, for their own page; the others' follow through their sockets."""
    fresh = visible_incidents(user).filter(pk=pk).first()
    if fresh is None:
        return HttpResponse(headers={"HX-Redirect": "/incidents/"})
    context = {**war_context(fresh, str(user.level), user), "acted": True, "board": True, "more": True}
    context |= {"related": related_to(fresh, user), "personal": True, **extra}
    return render(request, "incidents/fragments.html", context)


def _act(request: HttpRequest, pk: int, act: Callable[[Incident, User], object], **extra: Any) -> HttpResponse:
    """One verb; the page follows through its socket, and a refusal is told where the button was."""
    user = current_user(request)
    incident = get_object_or_404(visible_incidents(user), pk=pk)
    page = reverse("incidents:incident", args=[pk])
    return answered(request, lambda: act(incident, user), page=page, drawn=lambda: redrawn(request, user, pk, **extra))


@require_POST
@require_level("commander")
def take(request: HttpRequest, pk: int) -> HttpResponse:
    """The button says whom its page showed in command."""
    over = request.POST.get("over")
    return _act(request, pk, lambda incident, user: services.take_command(incident=incident, user=user, over=over))


@require_POST
@require_level("responder")
def severity(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(
        request,
        pk,
        lambda incident, user: services.change_severity(
            incident=incident,
            severity=request.POST.get("severity", ""),
            reason=request.POST.get("reason", ""),
            actor=user.actor,
        ),
    )


@require_POST
@require_level("responder")
def correct(request: HttpRequest, pk: int, update: int) -> HttpResponse:
    """Put right what was written; what it said before is kept."""
    found = get_object_or_404(Update.objects.visible_to(current_user(request)), pk=update, incident_id=pk)
    words = {name: request.POST[name] for name in ("text", *PARTS) if name in request.POST}
    return _act(
        request,
        pk,
        lambda _incident, user: edit(update=found, words=words, actor=user.actor, commands=user.has_level("commander")),
    )


@require_POST
@require_level("commander")
def move(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(
        request,
        pk,
        lambda incident, user: services.move(
            incident=incident,
            to=request.POST.get("status", ""),
            reason=request.POST.get("reason", ""),
            actor=user.actor,
        ),
    )


@require_POST
@require_level("commander")
def privacy(request: HttpRequest, pk: int) -> HttpResponse:
    """Opening is said out loud: a form without the word changes nothing."""
    answer = request.POST.get("private")

    def change(incident: Incident, user: User) -> None:
        if answer not in ("yes", "no"):
            raise Invalid("private", "is neither yes nor no")
        services.make_private(incident=incident, private=answer == "yes", user=user)

    return _act(request, pk, change)


@require_http_methods(["GET", "POST"])
@require_level("responder")
def start(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """Start a playbook inside the incident, with what its monitors know filled in."""
    user = current_user(request)
    incident = get_object_or_404(visible_incidents(user), pk=pk)
    playbook = get_object_or_404(Playbook, slug=slug, archived=False)
    document = document_of(newest_version(playbook))
    world = context_for(protocol=incident.protocol or Protocol.objects.order_by("pk").first(), environment="live")
    given = prefilled(incident)
    form = InputsForm(document, world, *([request.POST] if request.method == "POST" else []), given=given)

    def begin(inputs: dict[str, Any], hold: bool) -> Run:
        return services.start_playbook(incident=incident, playbook=playbook, inputs=inputs, actor=user.actor, hold=hold)

    if request.method == "POST" and (run := form.start(begin)):
        return redirect("runbooks:run", run.pk) if run.status == "draft" else redirect("incidents:incident", pk)
    context = {"form": form, "incident": incident, "playbook": playbook, "document": document, "given": given}
    return render(request, "incidents/start.html", context, status=400 if form.errors else 200)
