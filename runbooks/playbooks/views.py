"""Pages of playbooks."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.decorators import current_user, require_level
from governance.protocols.models import Protocol
from ledger.errors import Invalid, Refused
from runbooks.plans.world import context_for
from runbooks.playbooks.models import Playbook
from runbooks.playbooks.selectors import all_playbooks, document_of, newest_version
from runbooks.runs.forms import InputsForm
from runbooks.runs.selectors import visible_runs
from runbooks.runs.services import start_run
from runbooks.steps import STEPS


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    user = current_user(request)
    context = {"playbooks": all_playbooks(), "runs": visible_runs(user)[:20]}
    return render(request, "runbooks/index.html", context)


@require_GET
@login_required
def playbook_page(request: HttpRequest, slug: str) -> HttpResponse:
    user = current_user(request)
    playbook = get_object_or_404(Playbook, slug=slug)
    return _page(request, playbook, form=None, may_start=user.has_level("responder"))


def _protocol() -> Protocol | None:
    """With one protocol there is nothing to choose; an incident names its own."""
    return Protocol.objects.order_by("pk").first()


def _page(
    request: HttpRequest, playbook: Playbook, *, form: InputsForm | None, may_start: bool, status: int = 200
) -> HttpResponse:
    version = newest_version(playbook)
    document = document_of(version)
    form = form or InputsForm(document, context_for(protocol=_protocol(), environment="live"))
    steps = [
        {
            "step": step,
            "number": number,
            "kind": STEPS[step.type],
            "needs": document.needs_of(number - 1),
            "prior": document.steps[number - 2].id if number > 1 else "",
        }
        for number, step in enumerate(document.steps, start=1)
    ]
    context = {
        "playbook": playbook,
        "version": version,
        "versions": playbook.versions.all(),
        "document": document,
        "steps": steps,
        "form": form,
        "may_start": may_start,
        "runs": visible_runs(current_user(request)).filter(version__playbook=playbook)[:10],
    }
    return render(request, "runbooks/playbook.html", context, status=status)


@require_POST
@require_level("responder")
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """A run of its own, outside an incident; the war room starts one inside."""
    user = current_user(request)
    playbook = get_object_or_404(Playbook, slug=slug)
    document = document_of(newest_version(playbook))
    form = InputsForm(document, context_for(protocol=_protocol(), environment="live"), request.POST)
    if form.is_valid():
        try:
            run = start_run(
                playbook=playbook, inputs=form.answers(), scope=None, actor=user.actor, protocol=_protocol()
            )
        except Invalid as error:
            name = error.field.removeprefix("inputs.")
            form.add_error(name if name in form.fields else None, error.message)
        except Refused as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, f"Run {run.pk} is {run.get_status_display()}.")
            return redirect("runbooks:run", run.pk)
    return _page(request, playbook, form=form, may_start=True, status=400)
