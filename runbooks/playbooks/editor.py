"""Writing playbooks in the page: edit with live lint and graph, save as a new version, compare, archive."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import current_user, require_level
from accounts.selectors import actor_name
from ledger.errors import Invalid, Refused
from runbooks.plans.world import lint_among_stored
from runbooks.playbooks.changes import Change, Hunk, compare_lines, compare_meaning
from runbooks.playbooks.graph import Picture, picture_of
from runbooks.playbooks.lint import lint
from runbooks.playbooks.models import Playbook, PlaybookVersion
from runbooks.playbooks.reader import MAX_BYTES, Problem, read
from runbooks.playbooks.selectors import document_of, find_playbooks, newest_version, step_lines, version_of
from runbooks.playbooks.services import MAX_NOTE, Outdated, save_version, set_archived
from runbooks.playbooks.shape import flow_of
from runbooks.playbooks.starter import STARTER, copy_of

MAX_SHOWN = 100


class EditForm(forms.Form):
    yaml = forms.CharField(label="YAML", max_length=MAX_BYTES, strip=False, widget=forms.Textarea)
    note = forms.CharField(
        label="What changed, and why", max_length=MAX_NOTE, required=False, help_text="One line, kept with the version."
    )
    base = forms.IntegerField(min_value=0, max_value=1_000_000, widget=forms.HiddenInput)

    def clean_yaml(self) -> str:
        """A browser sends its lines with CR LF; the stored text has plain line ends."""
        return str(self.cleaned_data["yaml"]).replace("\r\n", "\n")


@dataclass(frozen=True, slots=True)
class Checked:
    """What lint and the graph say of a text."""

    problems: list[Problem] = field(default_factory=list)
    more: int = 0
    picture: Picture | None = None


def checked(text: str, slug: str) -> Checked:
    """`slug`: the playbook that is edited, "" for a new one; the text must go by that name, or by a free one."""
    linted = lint_among_stored(text)
    if linted.playbook is None:
        problems = list(linted.problems)
        return Checked(problems[:MAX_SHOWN], max(len(problems) - MAX_SHOWN, 0))
    picture = picture_of(flow_of(linted.playbook), step_lines(text))
    return Checked(list(_name_problem(linted.playbook.playbook, slug, text)), picture=picture)


def _name_problem(name: str, slug: str, text: str) -> Iterator[Problem]:
    place = read(text).place(("playbook",))
    if slug and name != slug:
        yield Problem(
            *place, f"`{name}` is another name than {slug}, which is edited here", f"write `playbook: {slug}`"
        )
    elif not slug and Playbook.objects.filter(slug=name).exists():
        yield Problem(*place, f"there is a playbook called `{name}` already", "choose another name, or edit that one")


@require_POST
@require_level("commander")
def check(request: HttpRequest) -> HttpResponse:
    """For the editor: the problems and the graph of what stands in it; nothing is stored."""
    text = request.POST.get("yaml", "").replace("\r\n", "\n")
    return render(request, "runbooks/checked.html", {"checked": checked(text, request.POST.get("slug", ""))})


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Somebody saved a version after the edited one: what they changed, and what saving this text would change."""

    newest: PlaybookVersion
    author: str
    theirs: list[Hunk]
    mine: list[Hunk]
    meaning: list[Change]


def _meanwhile(playbook: Playbook, base: int, yaml: str) -> Meanwhile:
    newest = newest_version(playbook)
    began = version_of(playbook, base)
    linted = lint(yaml)
    return Meanwhile(
        newest=newest,
        author=actor_name(newest.created_by),
        theirs=compare_lines(began.yaml, newest.yaml) if began else [],
        mine=compare_lines(newest.yaml, yaml),
        meaning=compare_meaning(document_of(newest), linted.playbook) if linted.playbook else [],
    )


@require_http_methods(["GET", "POST"])
@require_level("commander")
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    playbook = get_object_or_404(Playbook, slug=slug)
    if request.method == "POST":
        return _save(request, playbook)
    newest = newest_version(playbook)
    form = EditForm(initial={"yaml": newest.yaml, "base": newest.number})
    return _editor(request, playbook, form, newest.yaml)


@require_http_methods(["GET", "POST"])
@require_level("commander")
def new(request: HttpRequest) -> HttpResponse:
    """A playbook from the starter, or from a copy of one that is there."""
    if request.method == "POST":
        return _save(request, None)
    source = Playbook.objects.filter(slug=request.GET.get("copy", "")).first()
    text = copy_of(newest_version(source).yaml, source.slug) if source else STARTER
    form = EditForm(initial={"yaml": text, "base": 0})
    return _editor(request, None, form, text)


def _save(request: HttpRequest, playbook: Playbook | None) -> HttpResponse:
    form = EditForm(request.POST)
    if not form.is_valid():
        return _editor(request, playbook, form, request.POST.get("yaml", "")[: MAX_BYTES + 1], status=400)
    text, base = form.cleaned_data["yaml"], form.cleaned_data["base"]
    if request.POST.get("do") == "check":
        return _editor(request, playbook, form, text)
    try:
        version = save_version(
            yaml=text,
            actor=current_user(request).actor,
            slug=playbook.slug if playbook else None,
            note=form.cleaned_data["note"],
            base=base,
        )
    except Outdated as error:
        return _conflict(request, error.newest.playbook, playbook, form, text)
    except (Invalid, Refused) as error:
        form.add_error("note" if getattr(error, "field", "") == "note" else None, _words(error))
        return _editor(request, playbook, form, text, status=400 if isinstance(error, Invalid) else 409)
    if version.number == base:
        messages.info(request, f"Nothing differs from version {version.number}; nothing was saved.")
    else:
        messages.success(request, f"Saved as version {version.number}.")
    return redirect("runbooks:playbook", version.playbook.slug)


def _words(error: Invalid | Refused) -> str:
    return f"{error.message}: {error.hint}" if error.hint else error.message


def _conflict(
    request: HttpRequest, taken: Playbook, playbook: Playbook | None, form: EditForm, text: str
) -> HttpResponse:
    """Told with both differences; the next save is on top of the newest, knowingly. A new name that is taken is no
    reason to write over somebody's playbook: there the text must get another name."""
    if playbook is None:
        form.add_error(None, f"There is a playbook called {taken.slug} already. Write another name after `playbook:`.")
        return _editor(request, None, form, text, status=409)
    meanwhile = _meanwhile(playbook, form.cleaned_data["base"], text)
    again = EditForm(
        initial={"yaml": text, "note": form.cleaned_data["note"], "base": meanwhile.newest.number},
    )
    return _editor(request, playbook, again, text, status=409, meanwhile=meanwhile)


def _editor(
    request: HttpRequest,
    playbook: Playbook | None,
    form: EditForm,
    text: str,
    *,
    status: int = 200,
    meanwhile: Meanwhile | None = None,
) -> HttpResponse:
    context = {
        "playbook": playbook,
        "form": form,
        "text": text,
        "checked": checked(text, playbook.slug if playbook else ""),
        "meanwhile": meanwhile,
        "sources": [] if playbook else find_playbooks(),
        "base": form["base"].value(),
        "unsaved": request.method == "POST",
    }
    return render(request, "runbooks/edit.html", context, status=status)


@require_POST
@require_level("commander")
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    return _archived(request, slug, archived=True)


@require_POST
@require_level("commander")
def unarchive(request: HttpRequest, slug: str) -> HttpResponse:
    return _archived(request, slug, archived=False)


def _archived(request: HttpRequest, slug: str, *, archived: bool) -> HttpResponse:
    playbook = get_object_or_404(Playbook, slug=slug)
    set_archived(playbook=playbook, archived=archived, actor=current_user(request).actor)
    words = "is in the archive: no longer listed or suggested" if archived else "is listed and suggested again"
    messages.success(request, f"{playbook.title} {words}.")
    return redirect("runbooks:playbook", slug)


@require_GET
@login_required
def diff(request: HttpRequest, slug: str) -> HttpResponse:
    """Any two versions: `?before=1&after=3`; without numbers, the newest and the one before."""
    playbook = get_object_or_404(Playbook, slug=slug)
    newest = newest_version(playbook)
    after = _asked(request, playbook, "after", newest.number)
    before = _asked(request, playbook, "before", max(after.number - 1, 1))
    context: dict[str, Any] = {
        "playbook": playbook,
        "versions": playbook.versions.all(),
        "before": before,
        "after": after,
        "author": actor_name(after.created_by),
        "hunks": compare_lines(before.yaml, after.yaml) if before.pk != after.pk else [],
        "meaning": compare_meaning(document_of(before), document_of(after)),
    }
    return render(request, "runbooks/diff.html", context)


def _asked(request: HttpRequest, playbook: Playbook, name: str, otherwise: int) -> PlaybookVersion:
    raw = request.GET.get(name, "")
    if raw and not (raw.isascii() and raw.isdigit() and len(raw) <= 9):
        raise Http404("no such version")
    version = version_of(playbook, int(raw) if raw else otherwise)
    if version is None:
        raise Http404("no such version")
    return version
