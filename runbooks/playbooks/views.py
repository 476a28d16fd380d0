"""Pages of playbooks."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.decorators import current_user, require_level
from governance.protocols.models import Protocol
from runbooks.cacao.document import cacao_bytes
from runbooks.plans.world import context_for
from runbooks.playbooks.graph import picture_of
from runbooks.playbooks.models import Playbook, PlaybookVersion
from runbooks.playbooks.reading import answers, outline
from runbooks.playbooks.selectors import document_of, failure_modes, find_playbooks, newest_version, version_of
from runbooks.playbooks.shape import flow_of
from runbooks.runs.forms import InputsForm
from runbooks.runs.models import Run
from runbooks.runs.selectors import visible_runs
from runbooks.runs.services import start_run


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    user = current_user(request)
    words, mode = request.GET.get("q", "")[:100], request.GET.get("mode", "")[:63]
    archived = request.GET.get("archived") == "1"
    context = {
        "playbooks": find_playbooks(words=words, mode=mode, archived=archived),
        "runs": visible_runs(user)[:20],
        "asked": {"q": words, "mode": mode, "archived": archived},
        "modes": failure_modes(),
        "may_edit": user.has_level("commander"),
    }
    return render(request, "runbooks/index.html", context)


@require_GET
@login_required
def playbook_page(request: HttpRequest, slug: str, number: int = 0) -> HttpResponse:
    """The newest version, or with a number any other; only the newest can be started."""
    playbook = get_object_or_404(Playbook, slug=slug)
    version = version_of(playbook, number) if number else newest_version(playbook)
    if version is None:
        raise Http404("no such version")
    return _page(request, playbook, version=version)


@require_GET
@login_required
def yaml_file(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The text as it was saved, to keep beside the code or to print."""
    playbook = get_object_or_404(Playbook, slug=slug)
    version = version_of(playbook, number)
    if version is None:
        raise Http404("no such version")
    name = f"{slug}-v{number}.yaml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(version.yaml, content_type="application/yaml; charset=utf-8", headers=headers)


@require_GET
@login_required
def cacao_file(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The version for other tools: CACAO v2.0."""
    playbook = get_object_or_404(Playbook, slug=slug)
    version = version_of(playbook, number)
    if version is None:
        raise Http404("no such version")
    headers = {"Content-Disposition": f'attachment; filename="{slug}-v{number}.cacao.json"'}
    return HttpResponse(cacao_bytes(version), content_type="application/json", headers=headers)


def _protocol() -> Protocol | None:
    """With one protocol there is nothing to choose; an incident names its own."""
    return Protocol.objects.order_by("pk").first()


def _page(
    request: HttpRequest,
    playbook: Playbook,
    *,
    version: PlaybookVersion | None = None,
    form: InputsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    user = current_user(request)
    newest = newest_version(playbook)
    version = version or newest
    document = document_of(version)
    flow = flow_of(document)
    may_start = user.has_level("responder") and version.pk == newest.pk and not playbook.archived
    if may_start and form is None:
        form = InputsForm(document, context_for(protocol=_protocol(), environment="live"))
    context = {
        "playbook": playbook,
        "version": version,
        "newest": newest,
        "versions": playbook.versions.all(),
        "document": document,
        "parts": outline(flow),
        "picture": picture_of(flow),
        "answers": answers(document),
        "targets": [(f"{name.capitalize()} within", value) for name, value in document.targets if value is not None],
        "form": form,
        "may_start": may_start,
        "may_edit": user.has_level("commander"),
        "runs": visible_runs(user).filter(version__playbook=playbook).select_related("version")[:10],
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

    def begin(inputs: dict[str, Any], hold: bool) -> Run:
        return start_run(
            playbook=playbook, inputs=inputs, scope=None, actor=user.actor, protocol=_protocol(), hold=hold
        )

    run = form.start(begin)
    if run is None:
        return _page(request, playbook, form=form, status=400)
    messages.success(request, f"Run {run.pk}: {run.get_status_display().lower()}.")
    return redirect("runbooks:run", run.pk)
