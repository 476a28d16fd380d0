"""The command box: what is sent, and what can follow."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.decorators import current_user, require_level
from incidents.commands.completion import complete
from incidents.commands.parsing import LONGEST_LINE
from incidents.commands.verbs import carry_out
from incidents.incidents.selectors import visible_incidents
from incidents.incidents.views import redrawn
from ledger.errors import Invalid, Refused


@require_POST
@require_level("responder")
def command(request: HttpRequest, pk: int) -> HttpResponse:
    """One line. What was wrong with it is said beside the box, which keeps what was written."""
    user = current_user(request)
    incident = get_object_or_404(visible_incidents(user), pk=pk)
    page, inline = reverse("incidents:incident", args=[pk]), bool(request.headers.get("HX-Request"))
    try:
        line = request.POST.get("line", "")
        if len(line) > LONGEST_LINE:
            raise Invalid("", "This is too long.", f"at most {LONGEST_LINE} characters")
        said = carry_out(incident, user, line)
    except (Invalid, Refused) as error:
        alone = error.message[:1].isupper()  # a sentence of its own
        text = error.message if alone else f"{getattr(error, 'field', '')} {error.message}".strip()
        if not inline:
            messages.error(request, f"{text} {error.hint}".strip())
            return redirect(page)
        context = {"wrong": True, "words": text[:1].upper() + text[1:], "hint": error.hint}
        return render(request, "incidents/command_said.html", context, status=409)
    if not inline:
        return redirect(said.goto or page)
    if said.goto:
        return HttpResponse(headers={"HX-Redirect": said.goto})
    return redrawn(request, user, pk, said=said.words)


@require_GET
@require_level("responder")
def completion(request: HttpRequest, pk: int) -> JsonResponse:
    user = current_user(request)
    incident = get_object_or_404(visible_incidents(user), pk=pk)
    return JsonResponse(complete(incident, user, request.GET.get("line", "")[:500].replace("\x00", "")))
