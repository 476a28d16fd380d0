"""Pages that make proposals: calls put together one by one, or read from a Transaction Builder file."""

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.decorators import current_user, require_level
from governance.plans.schema import Call
from governance.proposals.builder_file import BuilderFile
from governance.proposals.building import MOST_CALLS, read_calls
from governance.proposals.decoding import Names, decode
from governance.proposals.forms import BuilderFileForm, ProposeForm, add_error, is_number
from governance.proposals.models import Proposal
from governance.proposals.queue import queue_of
from governance.proposals.services import propose
from governance.safes.models import Safe
from ledger import Invalid, Refused


@require_http_methods(["GET", "POST"])
@require_level("responder")
def new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request, ProposeForm(initial=_asked(request)))
    press = request.POST.get("do", "propose")
    form = ProposeForm(request.POST)
    form.fields["title"].required = press != "add"
    if press == "look":  # another function was chosen, where scripts do not run
        return _page(request, ProposeForm(initial=_as_initial(request)))
    if press.startswith("remove-"):
        return _page(request, _without(request, press.removeprefix("remove-")))
    if not form.is_valid():
        return _page(request, form, 400)
    try:
        calls = _calls(form)
        if press == "add":
            return _page(request, _with(request, calls))
        proposal = propose(calls=calls, actor=current_user(request).actor, **form.terms())
    except Invalid as error:
        add_error(form, error)
    except Refused as error:
        form.add_error(None, f"{error.message} {error.hint}".strip())
    else:
        return redirect("governance:proposal", proposal.pk)
    return _page(request, form, 400)


@require_GET
@require_level("responder")
def call_fields(request: HttpRequest) -> HttpResponse:
    """The fields of one call, for the function that was just chosen."""
    form = ProposeForm(initial={"function": request.GET.get("function", "")})
    return render(request, "governance/propose_call.html", {"form": form})


@require_http_methods(["GET", "POST"])
@require_level("responder")
def from_file(request: HttpRequest) -> HttpResponse:
    """Read a Transaction Builder file; nothing is proposed before its calls were seen in words."""
    form = BuilderFileForm(request.POST or None, request.FILES or None, initial=_asked(request))
    if request.method == "POST" and form.is_valid():
        try:
            found = form.read()
            read_calls([call.model_dump() for call in found.calls])
        except Invalid as error:
            add_error(form, error)
        else:
            safe = form.cleaned_data["safe"]
            _say(request, found, safe)
            calls = json.dumps([call.model_dump() for call in found.calls])
            initial = {"safe": safe.pk, "title": found.name, "description": found.description, "calls": calls}
            return _page(request, ProposeForm(initial=initial))
    context = {"form": form, "safes": Safe.objects.exists()}
    return render(request, "governance/propose_file.html", context, status=400 if form.errors else 200)


def _say(request: HttpRequest, found: BuilderFile, safe: Safe) -> None:
    if found.checked:
        messages.success(request, "The file's checksum is right: it is as the Transaction Builder wrote it.")
    else:
        messages.warning(request, "The file carries no checksum: nothing says whether it was changed. Read each call.")
    if found.safe and found.safe != safe.address:
        messages.warning(request, f"The file was made for another Safe, {found.safe}.")


def _asked(request: HttpRequest) -> dict[str, str]:
    given = {name: request.GET.get(name, "") for name in ("safe", "nonce")}
    return {name: text for name, text in given.items() if is_number(text, 18 if name == "safe" else 78)}


def _as_initial(request: HttpRequest) -> dict[str, Any]:
    return {name: value for name, value in request.POST.items() if name not in ("do", "csrfmiddlewaretoken")}


def _calls(form: ProposeForm) -> list[dict[str, Any]]:
    """The earlier ones, and the one that is described now, if any is."""
    calls = [call.model_dump() for call in form.earlier]
    if form.says_a_call or not calls:
        calls.append(form.call())
    return [call.model_dump() for call in read_calls(calls)]


def _with(request: HttpRequest, calls: list[dict[str, Any]]) -> ProposeForm:
    """The form again, with these calls and an empty one."""
    kept = {name: request.POST.get(name, "") for name in ("safe", "title", "description", "nonce", "hours")}
    kept["auto_execute"] = request.POST.get("auto_execute", "")
    return ProposeForm(initial={**kept, "calls": json.dumps(calls)})


def _without(request: HttpRequest, place: str) -> ProposeForm:
    initial = _as_initial(request)
    try:
        calls = [call.model_dump() for call in ProposeForm(initial=initial).earlier]
    except Invalid:
        calls = []
    left = [call for number, call in enumerate(calls) if str(number) != place]
    return ProposeForm(initial={**initial, "calls": json.dumps(left)})


@dataclass(frozen=True)
class Line:
    """A call of the batch so far, as the page lists it."""

    sentence: str
    to: str
    label: str
    data: str


def _lines(calls: list[Call], safe: Safe | None) -> list[Line]:
    names = Names.on(safe.chain) if safe else None
    lines = []
    for call in calls:
        contract = names.contracts.get(call.to) if names else None
        known = decode(bytes.fromhex(call.data[2:]), contract=contract, own=bool(safe and call.to == safe.address))
        label = names.of(call.to) if names else ""
        if known is not None:
            args = ", ".join(str(one["value"]) for one in known.as_json()["args"])
            sentence = f"{known.name}({args})"
        elif call.data == "0x":
            sentence = f"send {call.value} wei"
        else:
            sentence = f"{call.data[:10]}…, {len(call.data) // 2 - 1} bytes that no pinned ABI knows"
        with_value = f", with {call.value} wei" if call.value != "0" and call.data != "0x" else ""
        lines.append(Line(sentence + with_value, call.to, label, call.data))
    return lines


def _page(request: HttpRequest, form: ProposeForm, status: int = 200) -> HttpResponse:
    number = str(form["safe"].value() or "")
    safe = Safe.objects.select_related("chain").filter(pk=number).first() if is_number(number, 18) else None
    try:
        lines = _lines(form.earlier, safe)
    except Invalid as error:
        lines, status = [], 400
        if form.is_bound and not form.errors:
            add_error(form, error)
    context = {
        "form": form,
        "lines": lines,
        "most": MOST_CALLS,
        "safes": Safe.objects.exists(),
        "queue": queue_of(safe, request.user) if safe else None,
        "instead_of": _there(request, safe, str(form["nonce"].value() or "")),
    }
    return render(request, "governance/propose.html", context, status=status)


def _there(request: HttpRequest, safe: Safe | None, nonce: str) -> list[Proposal]:
    """What is open at the nonce that was asked for."""
    if safe is None or not is_number(nonce, 78):
        return []
    entries = [one for place in queue_of(safe, request.user).places for one in place.entries]
    return [one.proposal for one in entries if one.proposal.nonce == int(nonce)]
